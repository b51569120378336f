//! What is printed is read back, and no text does harm.

use proptest::prelude::*;

use super::parse;
use crate::{
    document::tests::drawn, policy::delay::tests::delay, policy::narrow::tests::narrowing, policy::*,
};

fn selector() -> impl Strategy<Value = NodeSelector> {
    prop_oneof![
        Just(NodeSelector::Leader),
        Just(NodeSelector::Replica),
        Just(NodeSelector::AnyReplica),
        Just(NodeSelector::OtherReplica),
        Just(NodeSelector::Sync),
        Just(NodeSelector::Any),
        "pg[0-9]{1,2}|db[-._a-z]{0,9}".prop_map(NodeSelector::Name),
    ]
}

fn node() -> impl Strategy<Value = NodeSelector> {
    prop_oneof![4 => selector(), 1 => Just(NodeSelector::Local), 1 => Just(NodeSelector::All)]
}

fn prefix() -> impl Strategy<Value = ipnet::IpNet> {
    let v4 = (any::<u32>(), 0..=32_u8)
        .prop_map(|(bits, length)| ipnet::Ipv4Net::new_assert(bits.into(), length).trunc().into());
    let v6 = (any::<u128>(), 0..=128_u8)
        .prop_map(|(bits, length)| ipnet::Ipv6Net::new_assert(bits.into(), length).trunc().into());
    prop_oneof![v4, v6]
}

fn peer() -> impl Strategy<Value = Peer> {
    prop_oneof![selector().prop_map(Peer::Node), prefix().prop_map(Peer::Prefix)]
}

fn ports() -> impl Strategy<Value = Vec<PortRange>> {
    let range = (1..=u16::MAX, 0..=100_u16)
        .prop_map(|(first, more)| PortRange { first, last: first.saturating_add(more) });
    prop::collection::vec(range, 0..3)
}

fn rule() -> impl Strategy<Value = Rule> {
    let one_of =
        |words: &'static [(&str, Action)]| prop::sample::select(words).prop_map(|(_, action)| action);
    (
        node(),
        prop::sample::select(Direction::WORDS),
        prop::sample::select(Protocol::WORDS),
        (ports(), ports(), narrowing(), any::<bool>()),
        prop::collection::vec(peer(), 0..4),
        prop::sample::select(Flows::WORDS),
        (one_of(Action::WORDS), prop::option::weighted(0.3, delay())),
        any::<bool>(),
        prop::collection::vec("lo|eth[0-9]|[a-z]{1,15}", 0..3),
    )
        .prop_map(|(node, direction, protocol, ports, peers, flows, action, loopback, interfaces)| {
            Rule {
                node,
                direction: direction.1,
                protocol: protocol.1,
                ports: ports.0,
                peer_ports: ports.1,
                peers,
                flows: flows.1,
                narrowing: ports.2,
                action: action.0,
                delay: action.1,
                close_sockets: ports.3,
                loopback,
                interfaces,
            }
        })
}

/// Policies as they are printed, some of them such as the reader refuses.
pub(crate) fn generated() -> impl Strategy<Value = String> {
    policy().prop_map(|policy| policy.to_toml())
}

fn policy() -> impl Strategy<Value = Policy> {
    (any::<String>(), prop::collection::vec(rule(), 1..4)).prop_map(|(description, rules)| Policy {
        description,
        rules,
        topologies: vec![],
    })
}

proptest! {
    /// A policy that is printed is read back as it was, or is refused for what it says, never for how.
    #[test]
    fn what_is_printed_is_read_back(policy in policy()) {
        match parse("printed.toml", &policy.to_toml()) {
            Ok(read) => prop_assert_eq!(read, policy),
            Err(rejected) => {
                for problem in rejected.problems() {
                    prop_assert_ne!(problem.message(), "this is not TOML");
                    prop_assert!(!problem.message().contains("has no field"), "{}", problem.message());
                    prop_assert!(!problem.message().contains("must be"), "{}", problem.message());
                }
            }
        }
    }

    #[test]
    fn good_policies_come_back(
        description in any::<String>(),
        node in node(),
        direction in prop::sample::select(Direction::WORDS),
        prefix in prefix(),
        first in 1..=u16::MAX,
        flows in prop::sample::select(Flows::WORDS),
        narrowing in narrowing(),
        action in prop::sample::select(Action::WORDS),
        delay in delay(),
        close in any::<bool>(),
    ) {
        let alone = prefix.prefix_len() == prefix.max_prefix_len();
        let mapped = matches!(prefix, ipnet::IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some());
        prop_assume!(!prefix.addr().is_loopback() && !mapped);
        prop_assume!(!alone || !prefix.addr().is_unspecified());
        let rule = Rule {
            node,
            direction: direction.1,
            protocol: Protocol::Tcp,
            ports: vec![PortRange { first, last: first }],
            peer_ports: vec![PortRange { first, last: u16::MAX }],
            peers: vec![Peer::Prefix(prefix)],
            flows: flows.1,
            close_sockets: close && action.1.stops() && flows.1 != Flows::New && narrowing.is_open(),
            narrowing,
            action: action.1,
            delay: (action.1 == Action::Delay).then_some(delay),
            loopback: false,
            interfaces: vec!["eth0".into()],
        };
        let policy = Policy { description, rules: vec![rule], topologies: vec![] };
        prop_assert_eq!(parse("printed.toml", &policy.to_toml()).expect("a good policy"), policy);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        if let Err(rejected) = parse("any.toml", &text) {
            drawn(&rejected);
        }
    }

    /// Near misses reach further into the parser than noise does.
    #[test]
    fn no_mutated_policy_makes_the_parser_panic(
        policy in policy(),
        place in any::<prop::sample::Index>(),
        cut in 0..6_usize,
        noise in "\\PC{0,3}|[\\[\\]\"'=\n{}#,.\\-0-9]{1,4}",
    ) {
        let mut text: Vec<char> = policy.to_toml().chars().collect();
        let start = place.index(text.len());
        let end = (start + cut).min(text.len());
        text.splice(start..end, noise.chars());
        if let Err(rejected) = parse("mutated.toml", &text.into_iter().collect::<String>()) {
            prop_assert!(!rejected.problems().is_empty());
            drawn(&rejected);
        }
    }
}
