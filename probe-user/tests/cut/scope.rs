//! What a cut touches, and what it leaves alone.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd, AsRawFd},
    time::Duration,
};

use netsplit::{
    backend::{Choice, datapath::TcFlavour},
    cluster::within,
    cut::{Guard, status},
    policy::{Action, Direction, Flows, PlannedRule, PortRange},
};
use rustix::net::{AddressFamily, Protocol, RawProtocol, SocketType, netdevice::name_to_index};

use crate::{
    harness::{Pair, at_once, cut, poll_until, request, rule, run},
    traffic::{Met, OpenConnection, Server, new_connection, new_connection_from},
};

const PORT: u16 = 5432;

fn at(address: IpAddr) -> SocketAddr {
    SocketAddr::new(address, PORT)
}

const ONLY_5432: PortRange = PortRange { first: PORT, last: PORT };

type By = (Choice, TcFlavour);

/// Who sees packets that leave.
const SEE_DEPARTURES: [By; 3] =
    [(Choice::Tc, TcFlavour::Tcx), (Choice::Tc, TcFlavour::Clsact), (Choice::Nft, TcFlavour::Auto)];

/// The rule on the node, by the backend that the test names.
fn on_node(pair: &Pair, rule: PlannedRule, choice: Choice) -> Guard {
    let mut asked = request(pair.node_target(), vec![rule]);
    asked.choice = choice;
    cut(&asked)
}

fn packets(guard: &Guard) -> u64 {
    let id = &guard.cut().unwrap().id;
    let cuts = status().unwrap();
    cuts.iter().filter(|cut| cut.id == *id).flat_map(|cut| &cut.rules).map(|rule| rule.packets).sum()
}

#[test]
fn without_loopback_a_node_still_reaches_itself() {
    for choice in [Choice::Xdp, Choice::Tc, Choice::Nft] {
        let pair = Pair::new();
        let _server = Server::start(&pair.node_target(), PORT);
        let _guard = on_node(&pair, PlannedRule { loopback: false, action: Action::Reset, ..rule() }, choice);
        for address in [Pair::V4, Pair::V6, Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
            assert_eq!(new_connection(&pair.node_target(), at(address)), Met::Answer, "{choice:?} {address}");
        }
        assert_eq!(new_connection(&pair.peer_target(), at(Pair::V4)), Met::Refused, "{choice:?}");
    }
}

#[test]
fn a_rule_with_interfaces_holds_on_those_alone() {
    for choice in [Choice::Xdp, Choice::Tc, Choice::Nft] {
        let pair = Pair::new();
        let second = ["link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", &pair.peer];
        run("ip", &[&["-n", &pair.node], &second[..]].concat());
        for (namespace, last) in [(&pair.node, 1), (&pair.peer, 2)] {
            run("ip", &["-n", namespace, "addr", "add", &format!("10.98.0.{last}/24"), "dev", "eth1"]);
            run("ip", &["-n", namespace, "link", "set", "eth1", "up"]);
        }
        let _server = Server::start(&pair.node_target(), PORT);
        let asked = PlannedRule { interfaces: vec!["eth0".into()], action: Action::Reset, ..rule() };
        let _guard = on_node(&pair, asked.clone(), choice);
        assert_eq!(new_connection(&pair.peer_target(), at(Pair::V4)), Met::Refused);
        let over_eth1 = at("10.98.0.1".parse().unwrap());
        assert_eq!(new_connection(&pair.peer_target(), over_eth1), Met::Answer);
        assert_eq!(new_connection(&pair.node_target(), at(Pair::V4)), Met::Answer);

        // Another cut brings the program to eth1; the first one still does not hold there.
        let elsewhere = PlannedRule {
            interfaces: vec!["eth1".into()],
            ports: vec![PortRange { first: 8008, last: 8008 }],
            ..asked
        };
        let _second = on_node(&pair, elsewhere, choice);
        assert_eq!(new_connection(&pair.peer_target(), over_eth1), Met::Answer);
    }
}

/// A SYN to the node's 5432 as it goes over the wire, behind VLAN tags.
fn tagged_syn(tags: &[u16]) -> Vec<u8> {
    use probe_ebpf::{decode::tcp_flag::SYN, frames::Frame};
    Frame { tags: tags.to_vec(), ..Frame::tcp(40000, PORT, SYN) }.bytes()
}

#[test]
fn vlan_traffic_is_hit_on_the_interface_that_carries_it() {
    for (choice, flavour) in [
        (Choice::Xdp, TcFlavour::Auto),
        (Choice::Tc, TcFlavour::Tcx),
        (Choice::Tc, TcFlavour::Clsact),
        (Choice::Nft, TcFlavour::Auto),
    ] {
        let pair = Pair::new();
        let mut asked = request(pair.node_target(), vec![rule()]);
        (asked.choice, asked.flavour) = (choice, flavour);
        let guard = cut(&asked);
        // netfilter does not see behind a second tag.
        let double = (choice != Choice::Nft).then_some((3, vec![7, 8]));
        for (sent, tags) in [(1, vec![]), (2, vec![7])].into_iter().chain(double) {
            within(&pair.peer_target(), || send_frame(&tagged_syn(&tags))).unwrap();
            poll_until("the frame is hit", Duration::from_secs(2), || packets(&guard) == sent);
        }
    }
}

/// Puts a frame on eth0 of the calling thread's namespace.
fn send_frame(frame: &[u8]) {
    // `ETH_P_ALL`, in network order.
    let all = Protocol::from_raw(RawProtocol::new(u32::from(3_u16.to_be())).unwrap());
    let socket = rustix::net::socket(AddressFamily::PACKET, SocketType::RAW, Some(all)).unwrap();
    let ifindex = name_to_index(&socket, "eth0").unwrap();
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).unwrap(),
        sll_protocol: 0,
        sll_ifindex: i32::try_from(ifindex).unwrap(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: [0; 8],
    };
    // SAFETY: the frame and the address live until the call returns, and are as long as it is told.
    let sent = unsafe {
        libc::sendto(
            socket.as_fd().as_raw_fd(),
            frame.as_ptr().cast(),
            frame.len(),
            0,
            (&raw const address).cast(),
            libc::socklen_t::try_from(size_of_val(&address)).unwrap(),
        )
    };
    assert_eq!(usize::try_from(sent), Ok(frame.len()), "{}", std::io::Error::last_os_error());
}

#[test]
fn a_node_cut_on_its_way_out_cannot_reach_its_peers_port() {
    let ways = [
        (Action::Drop, Met::Silence, Met::Silence),
        (Action::Reject, Met::Refused, Met::SilenceWithReason(libc::ECONNREFUSED)),
        (Action::Reset, Met::Refused, Met::Reset),
    ];
    let all: Vec<_> = ways.iter().flat_map(|way| SEE_DEPARTURES.map(|by| (*way, by))).collect();
    at_once(&all, |&((action, new, open), by)| {
        let pair = Pair::new();
        let _there = Server::start(&pair.peer_target(), PORT);
        let _here = Server::start(&pair.node_target(), PORT);
        let node = pair.node_target();
        let mut before = [Pair::PEER_V4, Pair::PEER_V6].map(|to| (to, OpenConnection::open(&node, at(to))));
        let out = PlannedRule {
            direction: Direction::Out,
            ports: vec![],
            peer_ports: vec![ONLY_5432],
            action,
            ..rule()
        };
        let mut asked = request(node.clone(), vec![out]);
        (asked.choice, asked.flavour) = by;
        let _guard = cut(&asked);
        for (to, before) in &mut before {
            assert_eq!(new_connection(&node, at(*to)), new, "{action:?} {by:?} {to}");
            assert_eq!(before.send(), open, "{action:?} {by:?} {to}");
            // The other way round nothing is cut.
            let back = if to.is_ipv4() { Pair::V4 } else { Pair::V6 };
            assert_eq!(new_connection(&pair.peer_target(), at(back)), Met::Answer);
        }
    });
}

#[test]
fn a_server_whose_answers_are_cut_is_heard_by_nobody() {
    for choice in [Choice::Auto, Choice::Nft] {
        let pair = Pair::new();
        let _server = Server::start(&pair.node_target(), PORT);
        let mut before = OpenConnection::open(&pair.peer_target(), at(Pair::V4));
        let guard = on_node(&pair, PlannedRule { direction: Direction::Out, ..rule() }, choice);
        for address in [Pair::V4, Pair::V6] {
            assert_eq!(new_connection(&pair.peer_target(), at(address)), Met::Silence, "{choice:?}");
        }
        assert_eq!(before.send(), Met::Silence, "{choice:?}");
        assert!(packets(&guard) > 0, "{choice:?}");
    }
}

/// Both directions, the node's own 5432 and its peers', as a reset or a refusal.
fn both_ways(work: impl Fn(&Pair, Action, By) + Sync) {
    let all = [Action::Reset, Action::Reject].map(|action| SEE_DEPARTURES.map(|by| (action, by))).concat();
    at_once(&all, |&(action, by)| {
        let pair = Pair::new();
        let _servers = [pair.node_target(), pair.peer_target()].map(|at| Server::start(&at, PORT));
        let own = PlannedRule { direction: Direction::Both, action, ..rule() };
        let theirs = PlannedRule { ports: vec![], peer_ports: vec![ONLY_5432], ..own.clone() };
        let mut asked = request(pair.node_target(), vec![own, theirs]);
        (asked.choice, asked.flavour) = by;
        let _guard = cut(&asked);
        work(&pair, action, by);
    });
}

#[test]
fn an_answer_is_not_eaten_by_the_rule_that_gave_it() {
    both_ways(|pair, action, by| {
        for (from, to) in [
            (pair.peer_target(), Pair::V4),
            (pair.peer_target(), Pair::V6),
            (pair.node_target(), Pair::PEER_V4),
            (pair.node_target(), Pair::PEER_V6),
        ] {
            assert_eq!(new_connection(&from, at(to)), Met::Refused, "{action:?} {by:?} {from} > {to}");
        }
    });
}

#[test]
fn a_node_cut_on_its_way_out_to_itself_is_told_so() {
    both_ways(|pair, action, by| {
        for to in [Pair::V4, Pair::V6, Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
            let met = new_connection(&pair.node_target(), at(to));
            assert_eq!(met, Met::Refused, "{action:?} {by:?} {to}");
        }
    });
}

#[test]
fn a_cut_from_one_peer_leaves_the_others_alone() {
    for (choice, action, met) in [
        (Choice::Xdp, Action::Drop, Met::Silence),
        (Choice::Tc, Action::Reset, Met::Refused),
        (Choice::Nft, Action::Reset, Met::Refused),
    ] {
        let pair = Pair::new();
        run("ip", &["-n", &pair.peer, "addr", "add", "10.99.0.20/24", "dev", "eth0"]);
        run("ip", &["-n", &pair.peer, "addr", "add", "fd99::20/64", "dev", "eth0", "nodad"]);
        let _server = Server::start(&pair.node_target(), PORT);
        let peers = ["10.99.0.16/28", "fd99::20/128"].map(|prefix| prefix.parse().unwrap()).to_vec();
        let _guard = on_node(&pair, PlannedRule { peers, action, ..rule() }, choice);
        for (own, to, met) in [
            ("10.99.0.20", Pair::V4, met),
            ("fd99::20", Pair::V6, met),
            ("10.99.0.2", Pair::V4, Met::Answer),
            ("fd99::2", Pair::V6, Met::Answer),
        ] {
            let met_by = new_connection_from(&pair.peer_target(), own.parse().unwrap(), at(to));
            assert_eq!(met_by, met, "{choice:?} from {own}");
        }
    }
}

#[test]
fn a_cut_of_new_flows_lets_open_connections_live() {
    for choice in [Choice::Xdp, Choice::Tc, Choice::Nft] {
        let pair = Pair::new();
        let _server = Server::start(&pair.node_target(), PORT);
        let mut before = OpenConnection::open(&pair.peer_target(), at(Pair::V4));
        let _guard =
            on_node(&pair, PlannedRule { flows: Flows::New, action: Action::Reset, ..rule() }, choice);
        assert_eq!(new_connection(&pair.peer_target(), at(Pair::V4)), Met::Refused);
        assert_eq!(before.send(), Met::Answer);
    }
}

#[test]
fn a_cut_of_established_flows_lets_clients_connect_and_no_further() {
    for choice in [Choice::Xdp, Choice::Tc, Choice::Nft] {
        let pair = Pair::new();
        let _server = Server::start(&pair.node_target(), PORT);
        let mut before = OpenConnection::open(&pair.peer_target(), at(Pair::V4));
        let flows = PlannedRule { flows: Flows::Established, action: Action::Reset, ..rule() };
        let _guard = on_node(&pair, flows, choice);
        assert_eq!(before.send(), Met::Reset);
        // The SYN passes, so the client is connected; the first segment after it is answered by a reset.
        assert_eq!(new_connection(&pair.peer_target(), at(Pair::V4)), Met::Reset);
    }
}
