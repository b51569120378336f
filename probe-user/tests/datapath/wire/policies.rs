//! Policies that together ask for every kind of match.

use netsplit::policy::{Action, Direction, Flows, Narrowing, PlannedRule, PortRange, Protocol};
use probe_ebpf::abi::Way;

use crate::harness::rule;

/// The policies for what goes this way.
pub(super) fn policies(way: Way) -> Vec<Vec<PlannedRule>> {
    let mut policies = of_arrivals();
    if way == Way::Egress {
        for rule in policies.iter_mut().flatten().filter(|rule| rule.direction == Direction::In) {
            rule.direction = Direction::Out;
        }
    }
    policies
}

fn of_arrivals() -> Vec<Vec<PlannedRule>> {
    let any = PlannedRule { protocol: Protocol::Any, ports: vec![], loopback: false, ..rule() };
    let range = |first, last| PortRange { first, last };
    let peers = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
    let flags = |words: &[&str]| Narrowing {
        tcp_flags: Some(words.iter().map(ToString::to_string).collect::<Vec<_>>().try_into().unwrap()),
        ..Narrowing::default()
    };
    vec![
        vec![any.clone()],
        vec![PlannedRule { action: Action::Reject, ..any.clone() }],
        vec![PlannedRule { action: Action::Reset, protocol: Protocol::Tcp, ..any.clone() }],
        vec![
            PlannedRule { flows: Flows::New, action: Action::Reset, ..rule() },
            PlannedRule {
                flows: Flows::Established,
                peer_ports: vec![range(5432, 5432)],
                ports: vec![],
                ..rule()
            },
            PlannedRule { protocol: Protocol::Udp, ports: vec![], action: Action::Reject, ..rule() },
        ],
        vec![
            PlannedRule {
                protocol: Protocol::Any,
                ports: vec![range(5400, 5431), range(5432, 5440), range(53, 53)],
                peers: peers(&["10.0.0.0/8", "10.0.0.2/32", "fd00::/8"]),
                action: Action::Reject,
                ..rule()
            },
            PlannedRule { peers: peers(&["::/0"]), ..any.clone() },
            PlannedRule { peers: peers(&["192.0.2.0/24", "127.0.0.0/8"]), ..any },
        ],
        vec![
            PlannedRule { narrowing: flags(&["fin", "!syn"]), ports: vec![], ..rule() },
            PlannedRule { direction: Direction::Both, action: Action::Reset, ..rule() },
            // Later fragments, too, in which no bit is set.
            PlannedRule { narrowing: flags(&["!syn"]), ports: vec![], ..rule() },
        ],
    ]
}
