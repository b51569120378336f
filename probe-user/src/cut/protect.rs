//! Protected addresses: no cut may decide any packet between them and a node, whatever the packet is.
//!
//! Asked of the compiled tables, not of the policy's words, and of all packets at once: see [`Tables::first_of`].

use super::CutError;
use crate::{
    backend::{RankedRule, Tables, Traffic, compile},
    clock::BootInstant,
    cluster::Protected,
    policy::{NodePlan, Plan, PlannedRule},
};

/// Refuses a plan that would decide a packet between one of its nodes and a protected address.
pub(super) fn check(plan: &Plan, protected: &[Protected]) -> Result<(), CutError> {
    if protected.is_empty() {
        return Ok(());
    }
    for node in &plan.nodes {
        let tables = tables(node)?;
        for &address in protected {
            let traffic = Traffic { peers: address.addresses, port: address.port };
            let Some((rank, packet)) = tables.first_of(&traffic) else { continue };
            let place = tables.ruleset.entries[rank].counter as usize;
            return Err(CutError::Protected {
                rule: node.rules.get(place).map_or(0, |rule| rule.origin) + 1,
                address,
                packet: packet.in_words(&node.node),
            });
        }
    }
    Ok(())
}

/// A node's rules compiled as if they held for ever; the counters are their places.
pub(super) fn tables(node: &NodePlan) -> Result<Tables, CutError> {
    let rules: Vec<_> = (0..).zip(&node.rules).map(|(place, rule)| in_force(place, rule)).collect();
    compile(&rules).map_err(|source| CutError::Compile { target: node.target.clone(), source })
}

/// A rule that names interfaces is bound to `lo`, if it names that, and to one that stands for all others: which one a
/// packet takes is for the routes to say, and they may change.
fn in_force(place: u32, rule: &PlannedRule) -> RankedRule<'_> {
    const LO: u32 = probe_ebpf::abi::LOOPBACK_IFINDEX;
    let bound_to = rule.interfaces.iter().map(|name| if name == "lo" { LO } else { LO + 1 }).collect();
    let deadline = BootInstant { ns: u64::MAX };
    RankedRule {
        rule,
        since: BootInstant::default(),
        deadline,
        counter: place,
        ingress: probe_ebpf::abi::Hook::Tc,
        bound_to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Target;
    use crate::policy::{Direction, Flows, Protocol};

    fn refused(rule: PlannedRule, protected: &str) -> Option<(usize, String)> {
        let first = PlannedRule { peers: vec!["198.51.100.1/32".parse().unwrap()], ..PlannedRule::sample() };
        let rules = vec![first, PlannedRule { origin: 1, ..rule }];
        let node = NodePlan { node: "pg1".to_owned(), target: Target::Netns("pg1".into()), rules };
        let plan = Plan { description: String::new(), nodes: vec![node] };
        match check(&plan, &[protected.parse().unwrap()]) {
            Ok(()) => None,
            Err(CutError::Protected { rule, packet, .. }) => Some((rule, packet)),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_cut_of_a_protected_address_is_refused_with_the_packet() {
        let sample = PlannedRule::sample;
        let from = |peers: &str| PlannedRule { peers: vec![peers.parse().unwrap()], ..sample() };
        let everything = PlannedRule { ports: vec![], protocol: Protocol::Any, ..sample() };
        let leaving = PlannedRule { direction: Direction::Out, flows: Flows::Established, ..sample() };
        let on_lo = PlannedRule { interfaces: vec!["lo".to_owned()], ..sample() };
        for (rule, protected, packet) in [
            (sample(), "192.0.2.10", Some("tcp 192.0.2.10:40000 > pg1:5432 syn")),
            (sample(), "fd00::7", Some("tcp [fd00::7]:40000 > pg1:5432 syn")),
            (sample(), "192.0.2.10:5432", Some("tcp 192.0.2.10:40000 > pg1:5432 syn")),
            (sample(), "192.0.2.10:22", None),
            (sample(), "0.0.0.0/0:22", None),
            (PlannedRule { ports: vec![], peer_ports: sample().ports, ..sample() }, "192.0.2.10:22", None),
            (everything, "192.0.2.0/24:22", Some("tcp 192.0.2.0:40000 > pg1:22 syn")),
            (leaving, "192.0.2.10", Some("tcp pg1:5432 > 192.0.2.10:40000 ack")),
            (from("192.0.2.128/25"), "192.0.2.0/24", Some("tcp 192.0.2.128:40000 > pg1:5432 syn")),
            (from("192.0.2.128/25"), "192.0.2.0/25", None),
            (on_lo.clone(), "192.0.2.10", None),
            (on_lo, "127.0.0.1", Some("tcp 127.0.0.1:40000 > pg1:5432 syn")),
        ] {
            let met = refused(rule.clone(), protected);
            assert_eq!(met, packet.map(|packet| (2, packet.to_owned())), "{protected}: {rule}");
        }
    }
}
