//! One rule in nft's own words.
//!
//! A rule of both families is two clauses where it names peers, since addresses are compared family by family.

use std::fmt::Write;

use ipnet::IpNet;
use probe_ebpf::{
    abi::LOOPBACK_IFINDEX,
    decode::protocol::{TCP, UDP},
};

use super::hook::Hook;
use crate::{
    backend::datapath::RuleRecord,
    policy::{Action, Flows, Narrowing, PlannedRule, PortRange, Protocol},
};

/// The clauses of a rule at a hook; `counter` counts the packets that it decides. Empty where the rule has no
/// part in the hook.
pub(super) fn clauses(record: &RuleRecord, hook: Hook, counter: &str) -> Vec<String> {
    if !Hook::of(&record.rule).contains(&hook) {
        return Vec::new();
    }
    let Some(verdict) = verdict(record.rule.action, hook, counter) else { return Vec::new() };
    let (before, after) = (before_peers(record, hook), after_peers(&record.rule, hook));
    let clause = |peers: &str| {
        let parts = [before.as_str(), peers, after.as_str(), verdict.as_str()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    if record.rule.peers.is_empty() {
        return vec![clause("")];
    }
    peers(&record.rule.peers, hook).iter().map(|peers| clause(peers)).collect()
}

/// The rule as later fragments are held against it, if one can match: they show neither ports nor whether a flow is new,
/// and no control bit is set in them.
pub(super) fn of_later_fragments(record: &RuleRecord) -> Option<RuleRecord> {
    let rule = &record.rule;
    let matches = rule.ports.is_empty()
        && rule.peer_ports.is_empty()
        && rule.flows == Flows::All
        && rule.narrowing.tcp_flags.is_none_or(|flags| flags.value == 0);
    let narrowing = Narrowing { tcp_flags: None, ..rule.narrowing.clone() };
    matches.then(|| RuleRecord { rule: PlannedRule { narrowing, ..rule.clone() }, ..record.clone() })
}

/// What a packet meets that the clause matches.
fn verdict(action: Action, hook: Hook, counter: &str) -> Option<String> {
    let name = hook.name();
    Some(match (action, hook) {
        // It vanishes, and is counted, where it leaves.
        (Action::Drop, Hook::Sending) => "accept".to_owned(),
        (Action::Drop, _) => format!("counter name {counter} drop"),
        (Action::Reject, _) => format!("counter name {counter} goto reject_{name}"),
        (Action::Reset, _) => format!("counter name {counter} goto reset_{name}"),
        (Action::Duplicate | Action::Corrupt | Action::Delay, _) => return None,
    })
}

fn before_peers(record: &RuleRecord, hook: Hook) -> String {
    let mut text = String::new();
    let interface = hook.interface();
    // Writing to a string cannot fail.
    if !record.bound_to.is_empty() {
        let _ = write!(text, "{interface} {}", list(&record.bound_to));
    } else if !record.rule.loopback {
        let _ = write!(text, "{interface} != {LOOPBACK_IFINDEX}");
    }
    let has_ports = !record.rule.ports.is_empty() || !record.rule.peer_ports.is_empty();
    let protocol = match record.rule.protocol {
        Protocol::Tcp => format!("meta l4proto {TCP}"),
        Protocol::Udp => format!("meta l4proto {UDP}"),
        Protocol::Any if has_ports => format!("meta l4proto {{ {TCP}, {UDP} }}"),
        Protocol::Any => String::new(),
    };
    if !text.is_empty() && !protocol.is_empty() {
        text.push(' ');
    }
    text + &protocol
}

/// One part for each family that the rule names.
fn peers(peers: &[IpNet], hook: Hook) -> Vec<String> {
    let field = if hook.is_arriving() { "saddr" } else { "daddr" };
    // nft refuses prefixes that overlap.
    let apart = IpNet::aggregate(&peers.to_vec());
    let (v4, v6): (Vec<_>, Vec<_>) = apart.into_iter().partition(|peer| matches!(peer, IpNet::V4(_)));
    [("ip", "ip", v4), ("ip6", "ip6", v6)]
        .into_iter()
        .filter(|(.., prefixes)| !prefixes.is_empty())
        .map(|(family, protocol, prefixes)| {
            // Nor does it know a prefix of no bits.
            if prefixes.iter().any(|prefix| prefix.prefix_len() == 0) {
                format!("meta protocol {protocol}")
            } else {
                format!("{family} {field} {}", list(&prefixes))
            }
        })
        .collect()
}

fn after_peers(rule: &PlannedRule, hook: Hook) -> String {
    let (own, peer) = if hook.is_arriving() { ("dport", "sport") } else { ("sport", "dport") };
    let mut parts = Vec::new();
    for (field, ranges) in [(own, &rule.ports), (peer, &rule.peer_ports)] {
        if !ranges.is_empty() {
            parts.push(format!("th {field} {}", list(&apart(ranges))));
        }
    }
    match rule.flows {
        Flows::All => {}
        Flows::New => parts.push("tcp flags & (syn | ack) == syn".to_owned()),
        Flows::Established => parts.push("tcp flags & (syn | ack) != syn".to_owned()),
    }
    if let Some(flags) = rule.narrowing.tcp_flags {
        parts.push(format!("tcp flags & {:#x} == {:#x}", flags.mask, flags.value));
    }
    // Last: only what matches in all else is left to chance.
    if let Some(probability) = rule.narrowing.probability {
        parts.push(format!("numgen random mod 1000000 < {:.0}", probability.share() * 1e6));
    }
    parts.join(" ")
}

fn list(items: &[impl std::fmt::Display]) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    format!("{{ {} }}", items.join(", "))
}

/// The ranges in order, those that touch or overlap made one.
fn apart(ranges: &[PortRange]) -> Vec<PortRange> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable_by_key(|range| range.first);
    let mut apart: Vec<PortRange> = Vec::new();
    for range in sorted {
        match apart.last_mut() {
            Some(last) if u32::from(range.first) <= u32::from(last.last) + 1 => {
                last.last = last.last.max(range.last);
            }
            _ => apart.push(range),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Direction, narrow::TcpFlags};

    fn record(rule: PlannedRule) -> RuleRecord {
        RuleRecord { rule, xdp: false, counter: 0, bound_to: Vec::new() }
    }

    fn said(rule: PlannedRule, hook: Hook) -> Vec<String> {
        clauses(&record(rule), hook, "hits")
    }

    fn range(first: u16, last: u16) -> PortRange {
        PortRange { first, last }
    }

    #[test]
    fn a_rule_says_what_it_means() {
        let sample = PlannedRule::sample;
        let peers = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpNet>>();
        for (rule, hook, clauses) in [
            (sample(), Hook::Arriving, vec!["meta l4proto 6 th dport { 5432 } counter name hits drop"]),
            (
                PlannedRule { loopback: false, flows: Flows::New, action: Action::Reset, ..sample() },
                Hook::Arriving,
                vec![
                    "iif != 1 meta l4proto 6 th dport { 5432 } tcp flags & (syn | ack) == syn counter name hits \
                     goto reset_in",
                ],
            ),
            (
                PlannedRule {
                    direction: Direction::Out,
                    protocol: Protocol::Any,
                    ports: vec![],
                    peer_ports: vec![range(9, 9), range(5432, 5440), range(5436, 5450), range(5451, 5451)],
                    ..sample()
                },
                Hook::Leaving,
                vec!["meta l4proto { 6, 17 } th dport { 9, 5432-5451 } counter name hits drop"],
            ),
            (
                PlannedRule {
                    protocol: Protocol::Any,
                    ports: vec![],
                    peers: peers(&["10.0.0.0/8", "10.0.0.2/32", "fd00::/8", "::/0"]),
                    action: Action::Reject,
                    ..sample()
                },
                Hook::Arriving,
                vec![
                    "ip saddr { 10.0.0.0/8 } counter name hits goto reject_in",
                    "meta protocol ip6 counter name hits goto reject_in",
                ],
            ),
            (sample(), Hook::Leaving, vec![]),
            (
                PlannedRule { direction: Direction::Both, ..sample() },
                Hook::Sending,
                vec!["meta l4proto 6 th sport { 5432 } accept"],
            ),
        ] {
            assert_eq!(said(rule, hook), clauses);
        }
    }

    #[test]
    fn a_later_fragment_has_no_ports_and_no_control_bits() {
        let no_ports = || PlannedRule { ports: vec![], ..PlannedRule::sample() };
        let with = |mask, value| {
            let tcp_flags = Some(TcpFlags { mask, value });
            PlannedRule { narrowing: Narrowing { tcp_flags, ..Narrowing::default() }, ..no_ports() }
        };
        let vanishes = "meta l4proto 6 counter name hits drop";
        for (rule, clauses) in [
            (PlannedRule::sample(), None),
            (PlannedRule { peer_ports: vec![range(9, 9)], ..no_ports() }, None),
            (PlannedRule { flows: Flows::Established, ..no_ports() }, None),
            (with(0x03, 0x01), None),
            (with(0x02, 0x00), Some(vec![vanishes.to_owned()])),
            (no_ports(), Some(vec![vanishes.to_owned()])),
        ] {
            let later = of_later_fragments(&record(rule));
            assert_eq!(later.map(|later| said(later.rule, Hook::Arriving)), clauses);
        }
    }

    #[test]
    fn a_rule_with_interfaces_names_them_alone() {
        let bound = RuleRecord { bound_to: vec![3, 7], ..record(PlannedRule::sample()) };
        let clauses = clauses(&bound, Hook::Arriving, "hits");
        assert!(clauses[0].starts_with("iif { 3, 7 } meta l4proto 6"), "{clauses:?}");
    }
}
