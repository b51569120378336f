//! The kinds of traffic that a plan tells apart.

use std::fmt;

use probe_ebpf::decode::protocol;

use crate::policy::{PlannedRule, PortRange, Protocol};

/// Traffic that a plan's rules treat alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// The IP protocol number: TCP, UDP, or ICMP for all others.
    pub protocol: u8,
    /// The ports of who is called; `None` is any that no rule names.
    pub ports: Option<PortRange>,
    /// Whether it is the only class of its protocol.
    alone: bool,
}

/// What callers use, unless rules name all of it: ports that Linux gives them (`ip_local_port_range`).
const CALLERS: PortRange = PortRange { first: 32768, last: 60999 };

impl Class {
    /// A port of the class.
    pub(super) fn port(self, rules: &[&PlannedRule]) -> u16 {
        self.ports.map_or_else(|| unnamed(rules, PortRange { first: 1, last: 32767 }), |ports| ports.first)
    }
}

/// A port that a caller may have.
pub(super) fn callers_port(rules: &[&PlannedRule]) -> u16 {
    unnamed(rules, CALLERS)
}

/// The first port of a range that no rule names; the first of all if each is named.
fn unnamed(rules: &[&PlannedRule], among: PortRange) -> u16 {
    let named: Vec<PortRange> = rules.iter().flat_map(|rule| named(rule)).collect();
    let free = |port: &u16| !named.iter().any(|range| (range.first..=range.last).contains(port));
    (among.first..=among.last).find(free).unwrap_or(among.first)
}

fn named(rule: &PlannedRule) -> impl Iterator<Item = PortRange> {
    rule.ports.iter().chain(&rule.peer_ports).copied()
}

/// The classes that a plan's rules name, TCP first, the lower ports first.
pub fn classes<'r>(rules: impl Iterator<Item = &'r PlannedRule> + Clone) -> Vec<Class> {
    let mut classes = Vec::new();
    for (number, word) in [(protocol::TCP, Protocol::Tcp), (protocol::UDP, Protocol::Udp)] {
        let mut relevant =
            rules.clone().filter(|rule| rule.protocol == word || rule.protocol == Protocol::Any);
        let ranges: Vec<PortRange> = relevant.clone().flat_map(named).collect();
        let pieces = pieces(&ranges);
        let alone = pieces.is_empty();
        let class = |ports| Class { protocol: number, ports, alone };
        classes.extend(pieces.into_iter().map(|ports| class(Some(ports))));
        if relevant.any(|rule| named(rule).next().is_none()) {
            classes.push(class(None));
        }
    }
    let mut others = rules.filter(|rule| rule.protocol == Protocol::Any && named(rule).next().is_none());
    if others.next().is_some() {
        classes.push(Class { protocol: protocol::ICMP, ports: None, alone: true });
    }
    classes
}

/// The ranges cut at each other's ends, so that no two overlap.
fn pieces(ranges: &[PortRange]) -> Vec<PortRange> {
    let mut ends: Vec<u32> =
        ranges.iter().flat_map(|range| [u32::from(range.first), u32::from(range.last) + 1]).collect();
    ends.sort_unstable();
    ends.dedup();
    let piece = |pair: &[u32]| {
        let (first, last) = (u16::try_from(pair[0]).ok()?, u16::try_from(pair[1] - 1).ok()?);
        let piece = PortRange { first, last };
        ranges.iter().any(|range| range.contains(piece)).then_some(piece)
    };
    ends.windows(2).filter_map(piece).collect()
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            protocol::TCP => "tcp",
            protocol::UDP => "udp",
            _ => return f.write_str("every other protocol"),
        };
        match self.ports {
            Some(ports) => write!(f, "{protocol} {ports}"),
            None if self.alone => f.write_str(protocol),
            None => write!(f, "{protocol} every other port"),
        }
    }
}
