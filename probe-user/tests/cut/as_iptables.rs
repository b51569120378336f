//! What clients meet, beside what the same rule of iptables gives in an identical pair of namespaces.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    backend::{Choice, datapath::TcFlavour},
    cut::Guard,
    policy::{Action, PlannedRule, Protocol},
};

use crate::{
    harness::{Pair, cut, poll_until, request, rule, run},
    traffic::{Met, OpenConnection, Server, UdpServer, datagram, new_connection},
};

/// Who enforces the rule.
#[derive(Clone, Copy, Debug)]
enum By {
    Iptables,
    Netsplit(Choice, TcFlavour),
}

const BACKENDS: [By; 5] = [
    By::Netsplit(Choice::Xdp, TcFlavour::Auto),
    By::Netsplit(Choice::Tc, TcFlavour::Tcx),
    By::Netsplit(Choice::Tc, TcFlavour::Clsact),
    By::Netsplit(Choice::Auto, TcFlavour::Auto),
    By::Netsplit(Choice::Nft, TcFlavour::Auto),
];

/// From where to where: a client in the peer or in the node itself, and the address that it knows.
const PATHS: [(&str, bool, IpAddr); 6] = [
    ("over the wire, IPv4", true, Pair::V4),
    ("over the wire, IPv6", true, Pair::V6),
    ("from the node to its own IPv4 address", false, Pair::V4),
    ("from the node to its own IPv6 address", false, Pair::V6),
    ("from the node to 127.0.0.1", false, IpAddr::V4(Ipv4Addr::LOCALHOST)),
    ("from the node to ::1", false, IpAddr::V6(Ipv6Addr::LOCALHOST)),
];

impl By {
    /// Cuts the node off; the guard, if any, ends it.
    fn cut(self, pair: &Pair, protocol: Protocol, action: Action) -> Option<Guard> {
        match self {
            Self::Netsplit(choice, flavour) => {
                let mut asked = request(pair.node_target(), vec![PlannedRule { protocol, action, ..rule() }]);
                (asked.choice, asked.flavour) = (choice, flavour);
                Some(cut(&asked))
            }
            Self::Iptables => {
                iptables(pair, "-A", protocol, action);
                None
            }
        }
    }
}

fn uncut(pair: &Pair, protocol: Protocol, action: Action, guard: Option<Guard>) {
    match guard {
        Some(guard) => drop(guard.revert().unwrap()),
        None => iptables(pair, "-D", protocol, action),
    }
}

fn iptables(pair: &Pair, verb: &str, protocol: Protocol, action: Action) {
    let protocol = if protocol == Protocol::Udp { "udp" } else { "tcp" };
    let target: &[&str] = match action {
        Action::Drop => &["DROP"],
        Action::Reject => &["REJECT"],
        Action::Reset => &["REJECT", "--reject-with", "tcp-reset"],
        Action::Duplicate | Action::Corrupt | Action::Delay => unreachable!("iptables has no such target"),
    };
    for tables in ["iptables", "ip6tables"] {
        let rule =
            ["netns", "exec", &pair.node, tables, verb, "INPUT", "-p", protocol, "--dport", "5432", "-j"];
        run("ip", &[&rule, target].concat());
    }
}

/// What happened on one path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Story {
    path: &'static str,
    new: Met,
    open: Met,
    open_after_revert: Met,
}

fn tcp_stories(by: By, action: Action) -> (Vec<Story>, Vec<Duration>) {
    let pair = Pair::new();
    let _server = Server::start(&pair.node_target(), 5432);
    let client = |over_the_wire| if over_the_wire { pair.peer_target() } else { pair.node_target() };
    let mut open: Vec<_> = PATHS
        .iter()
        .map(|&(_, wire, address)| OpenConnection::open(&client(wire), SocketAddr::new(address, 5432)))
        .collect();

    let guard = by.cut(&pair, Protocol::Tcp, action);
    let met = thread::scope(|scope| {
        let probes: Vec<_> = PATHS
            .iter()
            .zip(&mut open)
            .map(|(&(_, wire, address), open)| {
                let client = client(wire);
                scope.spawn(move || {
                    let begun = Instant::now();
                    let new = new_connection(&client, SocketAddr::new(address, 5432));
                    (new, begun.elapsed(), open.send())
                })
            })
            .collect();
        probes.into_iter().map(|probe| probe.join().unwrap()).collect::<Vec<_>>()
    });
    uncut(&pair, Protocol::Tcp, action, guard);

    let mut took = Vec::new();
    let stories = PATHS
        .iter()
        .zip(met)
        .zip(&mut open)
        .map(|((&(path, ..), (new, time, met)), open)| {
            took.push(time);
            // What was not answered is sent again by the stack, a few seconds later at most.
            let after = if met == Met::Answer { open.send() } else { open.receive(Duration::from_secs(8)) };
            Story { path, new, open: met, open_after_revert: after }
        })
        .collect();
    if matches!(by, By::Netsplit(..)) {
        assert_eq!(pair.traces(), Vec::<String>::new(), "{by:?}");
    }
    (stories, took)
}

/// Every backend beside iptables, all at once.
fn each_backend_beside_iptables<T: Send + PartialEq + std::fmt::Debug>(
    stories: impl Fn(By) -> T + Sync,
) -> T {
    thread::scope(|scope| {
        let stories = &stories;
        let reference = scope.spawn(move || stories(By::Iptables));
        let ours: Vec<_> = BACKENDS.iter().map(|&by| (by, scope.spawn(move || stories(by)))).collect();
        let reference = reference.join().unwrap();
        for (by, told) in ours {
            assert_eq!(told.join().unwrap(), reference, "{by:?} on the left, iptables on the right");
        }
        reference
    })
}

#[test]
fn a_dropped_client_waits_as_under_iptables() {
    let stories = each_backend_beside_iptables(|by| tcp_stories(by, Action::Drop).0);
    for story in stories {
        assert_eq!((story.new, story.open), (Met::Silence, Met::Silence), "{story:?}");
        assert_eq!(story.open_after_revert, Met::Answer, "{story:?}");
    }
}

#[test]
fn a_rejected_client_is_refused_as_under_iptables() {
    let stories = each_backend_beside_iptables(|by| tcp_stories(by, Action::Reject).0);
    for story in stories {
        assert_eq!(story.new, Met::Refused, "{story:?}");
        assert_eq!(story.open, Met::SilenceWithReason(libc::ECONNREFUSED), "{story:?}");
        assert_eq!(story.open_after_revert, Met::Answer, "{story:?}");
    }
}

#[test]
fn a_reset_client_is_reset_as_under_iptables() {
    let stories = each_backend_beside_iptables(|by| {
        let (stories, took) = tcp_stories(by, Action::Reset);
        // At once, not at the second attempt a second later.
        assert!(took.iter().all(|took| *took < Duration::from_millis(900)), "{by:?}: {took:?}");
        stories
    });
    for story in stories {
        assert_eq!((story.new, story.open), (Met::Refused, Met::Reset), "{story:?}");
    }
}

fn udp_stories(by: By, action: Action) -> Vec<(&'static str, Met)> {
    let pair = Pair::new();
    let _server = UdpServer::start(&pair.node_target(), 5432);
    let probe = |wire, address| {
        let client = if wire { pair.peer_target() } else { pair.node_target() };
        datagram(&client, SocketAddr::new(address, 5432))
    };
    for (path, wire, address) in PATHS {
        poll_until(path, Duration::from_secs(3), || probe(wire, address) == Met::Answer);
    }
    let guard = by.cut(&pair, Protocol::Udp, action);
    let stories = PATHS.iter().map(|&(path, wire, address)| (path, probe(wire, address))).collect();
    uncut(&pair, Protocol::Udp, action, guard);
    for (path, wire, address) in PATHS {
        // A busy machine may lose one datagram, which nobody sends again.
        let answered = || probe(wire, address) == Met::Answer;
        poll_until(&format!("{by:?}, {path}: an answer after the revert"), Duration::from_secs(3), answered);
    }
    stories
}

#[test]
fn a_dropped_datagram_meets_silence_as_under_iptables() {
    for (path, met) in each_backend_beside_iptables(|by| udp_stories(by, Action::Drop)) {
        assert_eq!(met, Met::Silence, "{path}");
    }
}

#[test]
fn a_rejected_datagram_is_refused_as_under_iptables() {
    for (path, met) in each_backend_beside_iptables(|by| udp_stories(by, Action::Reject)) {
        assert_eq!(met, Met::Refused, "{path}");
    }
}
