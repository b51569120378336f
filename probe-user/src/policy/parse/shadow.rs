//! Rules that can never decide, because an earlier one matches all that they match.

use crate::{
    document::{Problem, Problems, Span},
    policy::{Direction, Flows, NodeSelector, Peer, PortRange, Protocol, Rule},
};

/// Reports every rule that a single earlier one covers; rules come with their places.
pub(super) fn check(rules: &[(Span, Rule)], problems: &Problems) {
    for (index, (span, rule)) in rules.iter().enumerate() {
        let Some((earlier, _)) = rules[..index].iter().find(|(_, earlier)| covers(earlier, rule)) else {
            continue;
        };
        problems.report(
            Problem::new("a rule that can never match")
                .at(*span, "every packet that it names was decided before")
                .at(*earlier, "by this rule")
                .help("put the narrower rule first, or leave it out"),
        );
    }
}

/// Whether every packet that `rule` matches is matched by `earlier`, as far as can be told without the cluster.
fn covers(earlier: &Rule, rule: &Rule) -> bool {
    // A narrowed rule leaves something of every packet that it matches.
    earlier.narrowing.is_open()
        && selector_covers(&earlier.node, &rule.node)
        && (earlier.direction == Direction::Both || earlier.direction == rule.direction)
        && (earlier.protocol == Protocol::Any || earlier.protocol == rule.protocol)
        && ports_cover(&earlier.ports, &rule.ports)
        && ports_cover(&earlier.peer_ports, &rule.peer_ports)
        && list_covers(&earlier.peers, &rule.peers, peer_covers)
        && (earlier.flows == Flows::All || earlier.flows == rule.flows)
        && (earlier.loopback || !rule.loopback)
        && list_covers(&earlier.interfaces, &rule.interfaces, |earlier, interface| earlier == interface)
}

/// In all these lists, empty means everything.
fn list_covers<T>(earlier: &[T], entries: &[T], covers: fn(&T, &T) -> bool) -> bool {
    earlier.is_empty()
        || !entries.is_empty()
            && entries.iter().all(|entry| earlier.iter().any(|earlier| covers(earlier, entry)))
}

fn ports_cover(earlier: &[PortRange], ports: &[PortRange]) -> bool {
    list_covers(earlier, ports, |earlier, ports| earlier.contains(*ports))
}

fn peer_covers(earlier: &Peer, peer: &Peer) -> bool {
    match (earlier, peer) {
        (Peer::Node(earlier), Peer::Node(peer)) => selector_covers(earlier, peer),
        (Peer::Prefix(earlier), Peer::Prefix(peer)) => earlier.contains(peer),
        _ => false,
    }
}

fn selector_covers(earlier: &NodeSelector, selector: &NodeSelector) -> bool {
    use NodeSelector::{All, AnyReplica, Local, OtherReplica, Replica, Sync};
    match (earlier, selector) {
        // `local` may be a place outside of the inventory.
        (All, other) => *other != Local,
        (Replica, AnyReplica | OtherReplica | Sync) => true,
        (earlier, selector) => earlier == selector,
    }
}
