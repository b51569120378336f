//! What is found against every packet of small universes, asked one by one.

use proptest::prelude::*;

use super::*;
use crate::{
    backend::{RankedRule, compile},
    clock::BootInstant,
    policy::{Direction, Flows, PlannedRule, PortRange, Protocol},
};

/// Ports of the universe; the last ones stand for all that no rule and no question names.
const PORTS: [u16; 8] = [1, 2, 3, 4, 5, 6, 40_000, u16::MAX];

fn tables(rules: &[PlannedRule]) -> Tables {
    let ranked: Vec<_> = (0..)
        .zip(rules)
        .map(|(counter, rule)| {
            let bound_to = rule.interfaces.iter().map(|name| if name == "lo" { 1 } else { 2 }).collect();
            let deadline = BootInstant { ns: u64::MAX };
            RankedRule {
                rule,
                since: BootInstant::default(),
                deadline,
                counter,
                ingress: probe_ebpf::abi::Hook::Tc,
                bound_to,
            }
        })
        .collect();
    compile(&ranked).expect("few rules")
}

fn concerned(traffic: &Traffic, (own, peer): (u16, u16)) -> bool {
    traffic.port.is_none_or(|port| (own == port && peer >= 32_768) || (peer == port && own >= 32_768))
}

/// Every packet of the traffic in the universe, asked of the classifier that the programs run.
fn any_by_force(tables: &Tables, traffic: &Traffic) -> bool {
    let mut places = vec![false];
    places.extend(is_own(traffic.peers).then_some(true));
    let concerned = |ports| concerned(traffic, ports);
    let pairs: Vec<_> =
        PORTS.iter().flat_map(|&own| PORTS.map(|peer| (own, peer))).filter(|&pair| concerned(pair)).collect();
    for peer in traffic.peers.hosts().chain([traffic.peers.network(), traffic.peers.broadcast()]) {
        for (way, &loopback) in
            [Way::Ingress, Way::Egress].iter().flat_map(|way| places.iter().map(move |lo| (*way, lo)))
        {
            let asked = |carries, ports| {
                tables.answer(&Example { way, carries, peer, ports, loopback }.question()).is_some()
            };
            let carrying = [Carries::TcpNew, Carries::TcpEstablished, Carries::Udp];
            if pairs.iter().any(|&pair| carrying.iter().any(|&carries| asked(carries, Some(pair))))
                || asked(Carries::TcpFragment, None)
                || asked(Carries::Udp, None)
                || (traffic.port.is_none() && asked(Carries::Other, None))
            {
                return true;
            }
        }
    }
    false
}

fn a_prefix() -> impl Strategy<Value = IpNet> {
    let v4 = (0_u8..16, 27_u8..=32).prop_map(|(host, length)| format!("10.0.0.{host}/{length}"));
    let own = (0_u8..8, 29_u8..=32).prop_map(|(host, length)| format!("127.0.0.{host}/{length}"));
    let v6 = (0_u8..16, 123_u8..=128).prop_map(|(host, length)| format!("fd00::{host:x}/{length}"));
    let wide =
        prop::sample::select(vec!["0.0.0.0/0", "::/0", "10.0.0.0/8", "fd00::/8"]).prop_map(str::to_owned);
    prop_oneof![4 => v4, 1 => own, 3 => v6, 1 => wide].prop_map(|text| text.parse::<IpNet>().unwrap().trunc())
}

fn some_ports() -> impl Strategy<Value = Vec<PortRange>> {
    let range = (1_u16..6, 0_u16..2).prop_map(|(first, more)| PortRange { first, last: first + more });
    prop::collection::vec(range, 0..2)
}

fn a_rule() -> impl Strategy<Value = PlannedRule> {
    (
        prop::sample::select(vec![Direction::In, Direction::Out, Direction::Both]),
        prop::sample::select(vec![
            (Protocol::Tcp, Flows::All),
            (Protocol::Tcp, Flows::New),
            (Protocol::Tcp, Flows::Established),
            (Protocol::Udp, Flows::All),
            (Protocol::Any, Flows::All),
        ]),
        some_ports(),
        some_ports(),
        prop::collection::vec(a_prefix(), 0..4),
        any::<bool>(),
        prop::sample::select(vec![vec![], vec!["lo".to_owned()], vec!["eth0".to_owned()]]),
    )
        .prop_map(|(direction, (protocol, flows), ports, peer_ports, peers, loopback, interfaces)| {
            PlannedRule {
                direction,
                protocol,
                ports,
                peer_ports,
                peers,
                flows,
                loopback,
                interfaces,
                ..PlannedRule::sample()
            }
        })
}

fn some_traffic() -> impl Strategy<Value = Traffic> {
    // Small enough to be asked address by address.
    let narrow =
        a_prefix().prop_filter("too wide", |prefix| prefix.max_prefix_len() - prefix.prefix_len() <= 5);
    (narrow, prop::option::of(prop::sample::select(PORTS[..7].to_vec())))
        .prop_map(|(peers, port)| Traffic { peers, port })
}

proptest! {
    #[test]
    fn what_is_found_is_what_asking_every_packet_finds(
        rules in prop::collection::vec(a_rule(), 0..4),
        traffic in some_traffic(),
    ) {
        let tables = tables(&rules);
        let found = tables.first_of(&traffic);
        prop_assert_eq!(found.is_some(), any_by_force(&tables, &traffic), "{:?}", found);
        if let Some((rank, example)) = found {
            prop_assert!(traffic.peers.contains(&example.peer), "{example:?}");
            prop_assert_eq!(tables.answer(&example.question()), Some(rank));
            prop_assert!(example.ports.is_none_or(|ports| concerned(&traffic, ports)), "{example:?}");
        }
    }
}

#[test]
fn the_packet_in_words() {
    let rule = |direction, protocol| PlannedRule { direction, protocol, ..PlannedRule::sample() };
    let all = PlannedRule { ports: Vec::new(), ..rule(Direction::Out, Protocol::Any) };
    let new = PlannedRule { flows: Flows::New, ..rule(Direction::Both, Protocol::Tcp) };
    let established = PlannedRule { flows: Flows::Established, ..rule(Direction::In, Protocol::Tcp) };
    for (rule, peers, port, words) in [
        (rule(Direction::In, Protocol::Tcp), "0.0.0.0/0", None, "tcp 0.0.0.1:40000 > pg1:5432 syn"),
        (rule(Direction::In, Protocol::Udp), "fd00::7/128", None, "udp [fd00::7]:40000 > pg1:5432"),
        (all, "192.0.2.0/24", Some(22), "tcp pg1:22 > 192.0.2.0:40000 syn"),
        (new, "192.0.2.9/32", None, "tcp 192.0.2.9:40000 > pg1:5432 syn"),
        (established, "192.0.2.9/32", Some(5432), "tcp 192.0.2.9:40000 > pg1:5432 ack"),
    ] {
        let (_, example) =
            tables(&[rule]).first_of(&Traffic { peers: peers.parse().unwrap(), port }).unwrap();
        assert_eq!(example.in_words("pg1"), words);
    }
}

/// An IPv6 prefix that covers the mapped IPv4 addresses names no IPv4 peer, and is none.
#[test]
fn the_families_are_kept_apart() {
    let to = |peers: &str| PlannedRule { peers: vec![peers.parse().unwrap()], ..PlannedRule::sample() };
    let meets = |rule, peers: &str| {
        tables(&[rule]).first_of(&Traffic { peers: peers.parse().unwrap(), port: None }).is_some()
    };
    assert!(meets(to("::/0"), "fd00::/64") && meets(to("0.0.0.0/0"), "192.0.2.0/24"));
    assert!(!meets(to("::/0"), "0.0.0.0/0") && !meets(to("0.0.0.0/0"), "::/0"));
    assert!(meets(to("192.0.2.128/25"), "192.0.2.0/24") && !meets(to("192.0.2.128/25"), "192.0.2.0/25"));
}
