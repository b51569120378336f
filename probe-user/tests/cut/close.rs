//! `close_sockets`: open connections end with the cut, at both ends, and nothing else does.

use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV6, TcpListener, TcpStream},
    time::Duration,
};

use netsplit::{
    backend::{Choice, interfaces},
    cluster::{Target, within},
    cut::{CutError, Guard, Request, apply},
    policy::{Action, Direction, PlannedRule, PortRange},
};

use crate::harness::{Pair, at_once, cut, netsplit, poll_until, request, rule, run};

const PORT: u16 = 5432;
const OTHER_PORT: u16 = 8008;

/// Long enough for a handshake on an emulated processor.
const CONNECTING: Duration = Duration::from_secs(10);

/// Much longer than a packet takes, and a wait that a test can afford where nothing comes.
const PATIENCE: Duration = Duration::from_millis(700);

/// TCP to 5432 vanishes on arrival, and open sockets end.
fn closing() -> PlannedRule {
    PlannedRule { close_sockets: true, loopback: false, ..rule() }
}

fn by(choice: Choice, target: &Target, rule: PlannedRule) -> Request {
    Request { choice, ..request(target.clone(), vec![rule]) }
}

fn closed(guard: &Guard, target: &Target) -> u64 {
    guard.cut().unwrap().closed_sockets[&target.to_string()]
}

/// What an end of a connection meets that waits for the other.
#[derive(Debug, PartialEq, Eq)]
enum Met {
    /// Nothing: the connection is there.
    Silence,
    Aborted,
    Reset,
    Other(String),
}

/// Listens. A process that another test starts holds what was closed here, until it calls another program.
fn listen(target: &Target, bound: IpAddr, port: u16) -> TcpListener {
    let mut listener = None;
    poll_until("the port is free", Duration::from_secs(10), || {
        listener = within(target, || TcpListener::bind((bound, port))).unwrap().ok();
        listener.is_some()
    });
    listener.unwrap()
}

/// A connection of which both ends are at hand.
struct Connection {
    client: TcpStream,
    server: TcpStream,
}

impl Connection {
    /// From one namespace to a server in another, which listens on this address only as long as it takes.
    fn open(from: &Target, to: &Target, bound: IpAddr, address: SocketAddr) -> Self {
        Self::accepted(from, &listen(to, bound, address.port()), address)
    }

    fn accepted(from: &Target, listener: &TcpListener, address: SocketAddr) -> Self {
        let client = within(from, || TcpStream::connect_timeout(&address, CONNECTING)).unwrap();
        let client = client.unwrap_or_else(|error| panic!("{address}: {error}"));
        let (server, _) = listener.accept().unwrap();
        for end in [&client, &server] {
            end.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        Self { client, server }
    }

    fn meets(&self) -> [Met; 2] {
        [&self.client, &self.server].map(|mut end| match end.read(&mut [0]) {
            Ok(bytes) => Met::Other(format!("{bytes} bytes")),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Met::Silence,
                ErrorKind::ConnectionAborted => Met::Aborted,
                ErrorKind::ConnectionReset => Met::Reset,
                _ => Met::Other(error.to_string()),
            },
        })
    }

    /// Whether an end was told so, without waiting for it.
    fn has_ended(&self) -> bool {
        [&self.client, &self.server].into_iter().any(|end| end.take_error().unwrap().is_some())
    }

    /// Whether bytes still go both ways.
    fn lives(&self) -> bool {
        [(&self.client, &self.server), (&self.server, &self.client)]
            .into_iter()
            .all(|(mut from, mut to)| from.write_all(b"x").is_ok() && to.read_exact(&mut [0]).is_ok())
    }
}

const ANY_V4: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const ANY: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

#[test]
fn both_ends_of_an_open_connection_end_with_the_cut_and_others_live_on() {
    at_once(&[Choice::Tc, Choice::Xdp, Choice::Nft], |&choice| {
        let pair = Pair::new();
        let (node, peer) = (pair.node_target(), pair.peer_target());
        // The last one is IPv4 in IPv6's clothes.
        for (bound, address) in [(ANY_V4, Pair::V4), (ANY, Pair::V6), (ANY, Pair::V4)] {
            let listener = listen(&node, bound, PORT);
            let open = Connection::accepted(&peer, &listener, (address, PORT).into());
            let elsewhere = Connection::open(&peer, &node, bound, (address, OTHER_PORT).into());
            let guard = cut(&by(choice, &node, closing()));
            let told = format!("{choice:?} {bound} {address}");
            assert_eq!(closed(&guard, &node), 1, "{told}");
            assert_eq!(open.meets(), [Met::Reset, Met::Aborted], "{told}");
            assert!(elsewhere.lives(), "{told}");
            guard.revert().unwrap();
            assert!(Connection::accepted(&peer, &listener, (address, PORT).into()).lives(), "it listens on");
        }
        assert_eq!(pair.traces(), Vec::<String>::new());
    });
}

#[test]
fn where_departures_are_cut_too_the_peer_hears_nothing() {
    at_once(&[Choice::Tc, Choice::Nft], |&choice| {
        let pair = Pair::new();
        let (node, peer) = (pair.node_target(), pair.peer_target());
        let both = PlannedRule { direction: Direction::Both, ..closing() };
        for address in [Pair::V4, Pair::V6] {
            let open = Connection::open(&peer, &node, ANY, (address, PORT).into());
            let guard = cut(&by(choice, &node, both.clone()));
            assert_eq!(closed(&guard, &node), 1);
            assert_eq!(open.meets(), [Met::Silence, Met::Aborted], "{choice:?} {address}");
            let hits = guard.revert().unwrap()[0].rules[0].packets;
            assert!(hits > 0, "the RST was cut, {choice:?} {address}");
        }
    });
}

#[test]
fn a_rule_closes_what_its_peers_ports_and_interfaces_say() {
    let pair = Pair::new();
    let (node, peer) = (pair.node_target(), pair.peer_target());
    let to_v4 = || Connection::open(&peer, &node, ANY, (Pair::V4, PORT).into());
    let to_v6 = || Connection::open(&peer, &node, ANY, (Pair::V6, PORT).into());
    // Where the node is the client.
    let from_node = || Connection::open(&node, &peer, ANY, (Pair::PEER_V4, PORT).into());
    let on_lo = || Connection::open(&node, &node, ANY, (Ipv4Addr::LOCALHOST, PORT).into());
    let to_itself = || Connection::open(&node, &node, ANY, (Pair::V4, PORT).into());
    let peers = |prefix: &str| PlannedRule { peers: vec![prefix.parse().unwrap()], ..closing() };
    let theirs = PlannedRule { ports: vec![], peer_ports: closing().ports, ..closing() };
    let on = |interface: &str| PlannedRule {
        interfaces: vec![interface.to_owned()],
        loopback: interface == "lo",
        ..closing()
    };
    let everything = vec![PortRange { first: 1, last: u16::MAX }];
    // Which of the five connections end.
    for (rule, ends, sockets) in [
        (peers("10.99.0.2/32"), [true, false, false, false, false], 1),
        (peers("fd99::/64"), [false, true, false, false, false], 1),
        (theirs, [false, false, true, false, false], 1),
        (on("eth0"), [true, true, false, false, false], 2),
        (on("lo"), [false, false, false, true, true], 4),
        (PlannedRule { loopback: true, ..closing() }, [true, true, false, true, true], 6),
        (PlannedRule { ports: everything, ..closing() }, [true, true, true, false, false], 3),
    ] {
        let open = [to_v4(), to_v6(), from_node(), on_lo(), to_itself()];
        let guard = cut(&by(Choice::Tc, &node, rule.clone()));
        let ended = open.each_ref().map(Connection::has_ended);
        assert_eq!(ended, ends, "{rule}");
        assert_eq!(closed(&guard, &node), sockets, "{rule}");
        guard.revert().unwrap();
        let lives = open.each_ref().map(Connection::lives);
        assert_eq!(lives, ends.map(|ends| !ends), "{rule}");
    }
}

#[test]
fn a_connection_between_link_local_addresses_ends_too() {
    let pair = Pair::new();
    let (node, peer) = (pair.node_target(), pair.peer_target());
    for (namespace, address) in [(&pair.node, "fe80::1/64"), (&pair.peer, "fe80::2/64")] {
        run("ip", &["-n", namespace, "addr", "add", address, "dev", "eth0", "nodad"]);
    }
    let index = within(&peer, || interfaces(None)).unwrap().unwrap();
    let index = index.iter().find(|interface| interface.name == "eth0").unwrap().index;
    let address = SocketAddrV6::new("fe80::1".parse().unwrap(), PORT, 0, index);
    for (interface, sockets) in [("lo", 0), ("eth0", 1)] {
        let open = Connection::open(&peer, &node, ANY, address.into());
        let on = PlannedRule {
            interfaces: vec![interface.to_owned()],
            loopback: interface == "lo",
            peers: vec!["fe80::/10".parse().unwrap()],
            ..closing()
        };
        let guard = cut(&by(Choice::Tc, &node, on));
        assert_eq!(closed(&guard, &node), sockets, "{interface}");
        assert_eq!(open.has_ended(), sockets > 0, "{interface}");
    }
}

#[test]
fn many_sockets_are_closed_and_counted() {
    const MANY: usize = 150;
    let pair = Pair::new();
    let (node, peer) = (pair.node_target(), pair.peer_target());
    let listener = listen(&node, ANY, PORT);
    let addresses = [Pair::V4, Pair::V6].into_iter().cycle().take(MANY);
    let open: Vec<_> =
        addresses.map(|address| Connection::accepted(&peer, &listener, (address, PORT).into())).collect();
    let guard = cut(&by(Choice::Tc, &node, closing()));
    assert_eq!(closed(&guard, &node), MANY as u64);
    for connection in &open {
        assert_eq!(connection.meets(), [Met::Reset, Met::Aborted]);
    }
}

#[test]
fn what_its_application_closed_is_left_and_what_it_half_closed_is_not() {
    let pair = Pair::new();
    let (node, peer) = (pair.node_target(), pair.peer_target());
    let open = || Connection::open(&peer, &node, ANY, (Pair::V4, PORT).into());
    let (half, whole) = (open(), open());
    half.server.shutdown(Shutdown::Write).unwrap();
    // It waits for the peer to close, and nobody has it any more.
    drop(whole.server);
    poll_until("the peer hears of it", CONNECTING, || matches!((&whole.client).read(&mut [0]), Ok(0)));
    let guard = cut(&by(Choice::Tc, &node, closing()));
    assert_eq!(closed(&guard, &node), 1);
    assert_eq!(
        half.server.take_error().unwrap().map(|error| error.kind()),
        Some(ErrorKind::ConnectionAborted)
    );
}

#[test]
fn a_socket_of_a_protected_address_is_not_closed() {
    let pair = Pair::new();
    let (node, peer) = (pair.node_target(), pair.peer_target());
    let open = Connection::open(&peer, &node, ANY, (Pair::V4, PORT).into());
    let mut asked = by(Choice::Tc, &node, PlannedRule { action: Action::Reset, ..closing() });
    asked.protect = vec!["10.99.0.2".parse().unwrap()];
    assert!(matches!(apply(&asked), Err(CutError::Protected { .. })));
    assert!(open.lives());
}

#[test]
fn the_command_line_closes_sockets_and_says_how_many() {
    let pair = Pair::new();
    let (node, peer) = (pair.node_target(), pair.peer_target());
    let on = node.to_string();
    let rule =
        ["apply", "--ports", "5432", "--action", "drop", "--close-sockets", "--for", "30s", "--on", &on];
    let open = Connection::open(&peer, &node, ANY, (Pair::V4, PORT).into());
    let applied = netsplit(&rule);
    assert!(applied.complaint().contains(&format!("{on}: 1 socket closed")), "{applied:?}");
    assert_eq!(open.meets(), [Met::Reset, Met::Aborted]);
    netsplit(&["revert", applied.data().trim()]).data();

    let asked = [&rule[..], &["--format", "json"]].concat();
    let said: serde_json::Value = serde_json::from_str(&netsplit(&asked).data()).unwrap();
    assert_eq!(said["closed_sockets"], serde_json::json!({ on.as_str(): 0 }), "{said:#}");
    assert_eq!(said["nodes"][0]["rules"][0]["rule"]["close_sockets"], true, "{said:#}");
    netsplit(&["revert", said["id"].as_str().unwrap()]).data();

    let refused = netsplit(&[&rule[..], &["--with", "probability=0.5"]].concat());
    assert_eq!(refused.code, Some(2));
    assert!(refused.complaint().contains("a connection is closed as a whole"), "{refused:?}");
    assert_eq!(pair.traces(), Vec::<String>::new());
}
