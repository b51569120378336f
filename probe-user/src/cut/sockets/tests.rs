use proptest::prelude::*;

use super::{super::protect, *};
use crate::{
    cluster::Target,
    policy::{Action, Direction, Flows, Plan, PortRange, Protocol},
};

/// TCP from everyone to 5432 vanishes, and open sockets end; not on `lo`.
fn closing() -> PlannedRule {
    PlannedRule { close_sockets: true, loopback: false, ..PlannedRule::sample() }
}

fn node(rules: Vec<PlannedRule>) -> NodePlan {
    NodePlan { node: "pg1".to_owned(), target: Target::Netns("pg1".into()), rules }
}

/// A connection as it is written: `LOCAL PEER INTERFACE`, or without the interface.
fn connection(text: &str) -> Connection {
    let mut words = text.split(' ');
    let mut end = || words.next().unwrap().parse().unwrap();
    let (local, peer) = (end(), end());
    Connection { local, peer, interface: words.next().map(str::to_owned) }
}

fn concerned(rules: Vec<PlannedRule>, text: &str) -> bool {
    let (node, connection) = (node(rules), connection(text));
    let mut closers = Closers::new(&node);
    let concerned = closers.concern(&connection).unwrap();
    let may = closers.may_concern(connection.local, connection.peer).unwrap();
    assert!(may || !concerned, "{text}");
    concerned
}

const OWN_SERVER: &str = "10.0.0.1:5432 10.0.0.2:40000 eth0";
const THEIR_SERVER: &str = "10.0.0.1:40000 10.0.0.2:5432 eth0";
const V6: &str = "[fd00::1]:5432 [fd00::2]:40000 eth0";
const OTHER_PORT: &str = "10.0.0.1:8008 10.0.0.2:40000 eth0";
const OTHER_PEER: &str = "10.0.0.1:5432 10.0.0.3:40000 eth0";
const OTHER_INTERFACE: &str = "10.0.0.1:5432 10.0.0.2:40000 eth1";
const NO_WAY: &str = "10.0.0.1:5432 10.0.0.2:40000";
const LO_SERVER: &str = "127.0.0.1:5432 127.0.0.1:40000 lo";
const LO_CLIENT: &str = "127.0.0.1:40000 127.0.0.1:5432 lo";
/// Its own address, which is reached over `lo`, too.
const LO_OWN: &str = "10.0.0.1:40000 10.0.0.1:5432 lo";

const ALL: [&str; 10] = [
    OWN_SERVER,
    THEIR_SERVER,
    V6,
    OTHER_PORT,
    OTHER_PEER,
    OTHER_INTERFACE,
    NO_WAY,
    LO_SERVER,
    LO_CLIENT,
    LO_OWN,
];

#[test]
fn a_socket_is_closed_by_the_rule_that_stops_its_packets() {
    let to = |peers: &[&str]| PlannedRule {
        peers: peers.iter().map(|peer| peer.parse().unwrap()).collect(),
        ..closing()
    };
    let of_5432 = closing().ports;
    let theirs = PlannedRule { ports: vec![], peer_ports: of_5432, ..closing() };
    let bound = PlannedRule { interfaces: vec!["eth0".into()], ..closing() };
    let on_lo = PlannedRule { interfaces: vec!["lo".into()], loopback: true, ..closing() };
    let wire = [OWN_SERVER, V6, OTHER_PEER, OTHER_INTERFACE, NO_WAY];
    let lo = [LO_SERVER, LO_CLIENT, LO_OWN];
    let wire_and_lo = [&wire[..], &lo[..]].concat();
    for (rule, closed) in [
        (closing(), &wire[..]),
        (PlannedRule { direction: Direction::Out, ..closing() }, &wire),
        (PlannedRule { direction: Direction::Both, action: Action::Reset, ..closing() }, &wire),
        (PlannedRule { protocol: Protocol::Any, ..closing() }, &wire),
        (PlannedRule { flows: Flows::Established, ..closing() }, &wire),
        (theirs.clone(), &[THEIR_SERVER]),
        (PlannedRule { direction: Direction::Out, ..theirs }, &[THEIR_SERVER]),
        (to(&["10.0.0.2/32"]), &[OWN_SERVER, OTHER_INTERFACE, NO_WAY]),
        (to(&["fd00::/8"]), &[V6]),
        (to(&["::/0"]), &[V6]),
        (PlannedRule { loopback: true, ..closing() }, &wire_and_lo),
        (PlannedRule { loopback: true, ..to(&["127.0.0.0/8"]) }, &[LO_SERVER, LO_CLIENT]),
        (bound, &[OWN_SERVER, V6, OTHER_PEER]),
        (on_lo, &lo),
        (PlannedRule { ports: vec![PortRange { first: 1, last: 5000 }], ..closing() }, &[]),
        // These never come out of a file that is accepted.
        (PlannedRule { flows: Flows::New, ..closing() }, &[]),
        (PlannedRule { protocol: Protocol::Udp, ..closing() }, &[]),
    ] {
        let met: Vec<_> = ALL.into_iter().filter(|text| concerned(vec![rule.clone()], text)).collect();
        assert_eq!(met, closed, "{rule}");
    }
}

#[test]
fn of_several_rules_the_one_that_decides_the_packets_says_whether_to_close() {
    let silent = PlannedRule { close_sockets: false, ..closing() };
    let leaving = PlannedRule { direction: Direction::Out, ..closing() };
    let lossy = crate::policy::Narrowing {
        probability: serde_json::from_value(serde_json::json!(0.5)).unwrap(),
        ..Default::default()
    };
    let lossy = PlannedRule { narrowing: lossy, ..silent.clone() };
    for (rules, closed) in [
        (vec![silent.clone()], false),
        (vec![closing(), silent.clone()], true),
        (vec![silent.clone(), closing()], false),
        // What arrives is the first rule's, what leaves the second's.
        (vec![silent, leaving], true),
        // Some packets are left to the second.
        (vec![lossy, closing()], true),
    ] {
        assert_eq!(concerned(rules.clone(), OWN_SERVER), closed, "{rules:?}");
    }
}

#[test]
fn the_kernels_answers_are_told_apart() {
    let answer = |errno| diag::closed(Err(io::Error::from_raw_os_error(errno).into()));
    assert!(diag::closed(Ok(())).is_ok());
    assert!(answer(libc::ENOENT).is_ok() && answer(libc::ESTALE).is_ok(), "it is gone");
    assert!(matches!(answer(libc::EOPNOTSUPP), Err(SocketError::Lacking)));
    assert!(matches!(answer(libc::EPERM), Err(SocketError::Diag(_))));
}

#[test]
fn a_kernel_that_cannot_close_sockets_is_told_with_the_way_out() {
    let error = CutError::CannotClose { rule: 2, target: Target::Local, source: SocketError::Lacking };
    assert!(error.is_hosts_fault());
    insta::assert_snapshot!(
        crate::causes::in_a_line(&error),
        @"rule 2 closes open sockets, and local cannot: leave `close_sockets` out of it, and connections stay half-open \
          instead: this kernel cannot close sockets of others: it wants CONFIG_INET_DIAG, CONFIG_INET_TCP_DIAG and \
          CONFIG_INET_DIAG_DESTROY"
    );
}

fn any_rule() -> impl Strategy<Value = PlannedRule> {
    let ports =
        || prop::sample::select(vec![vec![], vec![PortRange { first: 22, last: 22 }], closing().ports]);
    let peers = prop::sample::select(vec![vec![], vec!["10.0.0.0/8"], vec!["10.0.0.2/32", "fd00::/8"]]);
    let directions = prop::sample::select(Direction::WORDS);
    let flows = prop::sample::select(vec![Flows::All, Flows::Established]);
    (ports(), ports(), peers, directions, flows, any::<bool>()).prop_map(
        |(ports, peer_ports, peers, direction, flows, loopback)| PlannedRule {
            ports,
            peer_ports,
            peers: peers.iter().map(|peer| peer.parse().unwrap()).collect(),
            direction: direction.1,
            flows,
            loopback,
            ..closing()
        },
    )
}

proptest! {
    /// A plan that closes a socket of a protected address is refused before it comes to that.
    #[test]
    fn no_socket_of_a_protected_address_is_closed(
        rules in prop::collection::vec(any_rule(), 1..3),
        protected in prop::sample::select(vec!["10.0.0.2", "10.0.0.2:22", "10.0.0.0/16", "[fd00::2]:5432", "127.0.0.1"]),
        text in prop::sample::select(ALL.to_vec()),
        ports in (prop::sample::select(vec![22, 5432, 40000]), 32768..=u16::MAX, any::<bool>()),
    ) {
        let node = node(rules);
        let protected: crate::cluster::Protected = protected.parse().unwrap();
        let mut connection = connection(text);
        let (service, client, served_here) = ports;
        let (own, other) = if served_here { (service, client) } else { (client, service) };
        connection.local.set_port(own);
        connection.peer.set_port(other);
        let its_own = protected.addresses.contains(&connection.peer.ip())
            && protected.port.is_none_or(|port| port == own || port == other);
        let plan = Plan { description: String::new(), nodes: vec![node.clone()] };
        if its_own && Closers::new(&node).concern(&connection).unwrap() {
            prop_assert!(protect::check(&plan, &[protected]).is_err(), "{:?} {:?}", connection, node);
        }
    }
}
