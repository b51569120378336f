//! Rules by chance.

use ipnet::IpNet;
use netsplit::policy::{
    Action, Direction, Flows, Narrowing, PlannedRule, PortRange, Protocol,
    narrow::{LongerThan, TcpFlags},
};
use proptest::prelude::*;

use crate::harness::rule;

fn ranges() -> impl Strategy<Value = Vec<PortRange>> {
    let port = prop::sample::select(vec![53_u16, 5431, 5432, 5440, 8008, 40000]);
    let range = (port, 0_u16..20).prop_map(|(first, span)| PortRange { first, last: first + span });
    prop::collection::vec(range, 0..3)
}

fn peers() -> impl Strategy<Value = Vec<IpNet>> {
    let prefixes = [
        "10.0.0.0/8",
        "10.0.0.2/32",
        "0.0.0.0/0",
        "192.0.2.0/24",
        "fd00::/8",
        "fd00::2/128",
        "::/0",
        "127.0.0.0/8",
    ];
    let prefix = prop::sample::select(prefixes.map(|prefix| prefix.parse().unwrap()).to_vec());
    prop::collection::vec(prefix, 0..3)
}

fn narrowing() -> impl Strategy<Value = Narrowing> {
    let lengths = prop::sample::select(vec![40, 60, 72, 100, 552, 1000]).prop_map(LongerThan);
    let flags = (any::<u8>(), any::<u8>()).prop_map(|(mask, value)| TcpFlags { mask, value: mask & value });
    (prop::option::weighted(0.2, lengths), prop::option::weighted(0.2, flags))
        .prop_map(|(longer_than, tcp_flags)| Narrowing { longer_than, tcp_flags, ..Narrowing::default() })
}

/// A rule as the parser lets it come, with what the corpus has: some of its frames match, and some do not.
pub(crate) fn any_rule() -> impl Strategy<Value = PlannedRule> {
    let direction = prop::sample::select(vec![Direction::In, Direction::Out, Direction::Both]);
    let protocol = prop::sample::select(vec![Protocol::Tcp, Protocol::Udp, Protocol::Any]);
    let flows = prop::sample::select(vec![Flows::All, Flows::New, Flows::Established]);
    let action = prop::sample::select(vec![
        Action::Drop,
        Action::Drop,
        Action::Reject,
        Action::Reset,
        Action::Duplicate,
        Action::Corrupt,
    ]);
    (direction, protocol, flows, action, ranges(), ranges(), peers(), narrowing(), any::<bool>()).prop_map(
        |(direction, protocol, flows, action, ports, peer_ports, peers, narrowing, loopback)| PlannedRule {
            direction,
            // What the parser refuses cannot come here.
            protocol: if matches!(action, Action::Reset | Action::Corrupt)
                || flows != Flows::All
                || narrowing.tcp_flags.is_some()
            {
                Protocol::Tcp
            } else {
                protocol
            },
            flows,
            narrowing,
            action,
            ports,
            peer_ports,
            peers,
            loopback,
            ..rule()
        },
    )
}
