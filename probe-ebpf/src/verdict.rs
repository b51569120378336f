//! Which rule decides a packet.

use core::hint::black_box;

use crate::{
    abi::{
        Carries, Hook, MAX_CLASSES, MAX_DEADLINES, MAX_NARROWED, MAX_RULES, RuleMask, Ruleset, Way, situation,
    },
    decode::{Packet, protocol, tcp_flag},
};

/// What the ruleset alone cannot answer: look-ups that cost something, asked only where a rule needs them.
pub trait Surroundings {
    /// The peer-bound rules that the packet's peer matches.
    fn peer_rules(&self) -> RuleMask;
    /// The interface-bound rules that the packet's interface matches.
    fn interface_rules(&self) -> RuleMask;
    /// Whether the narrowed rule of this rank hits the packet. Asked once for each packet, in the order of the
    /// ranks: a rule may count what it is asked.
    fn hits(&self, rank: usize, now_ns: u64) -> bool;
}

/// Where a packet is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Which way the packet goes.
    pub way: Way,
    /// Who judges it. XDP leaves to TC what is TC's. What XDP should have decided and TC sees all the same came
    /// over an interface without our XDP program: TC decides it, but for what chance or a memory narrows.
    pub hook: Hook,
    /// Whether it was met on `lo`.
    pub loopback: bool,
}

/// What the packet carries, in the ruleset's words.
#[inline(always)]
pub const fn carries(packet: &Packet) -> Carries {
    match packet.protocol {
        protocol::TCP if packet.later_fragment => Carries::TcpFragment,
        protocol::TCP if packet.tcp_flags & (tcp_flag::SYN | tcp_flag::ACK) == tcp_flag::SYN => {
            Carries::TcpNew
        }
        protocol::TCP => Carries::TcpEstablished,
        protocol::UDP => Carries::Udp,
        _ => Carries::Other,
    }
}

/// What a packet pays first: the rules that its ports match. Empty for nearly every packet of a busy node,
/// and then nothing else is asked.
#[inline(always)]
pub fn first_look(ruleset: &Ruleset, packet: &Packet, way: Way) -> RuleMask {
    if !packet.has_ports() {
        return if packet.is_neighbour_discovery() { RuleMask::EMPTY } else { ruleset.portless };
    }
    let (own, peer) = match way {
        Way::Ingress => (packet.destination_port, packet.source_port),
        Way::Egress => (packet.source_port, packet.destination_port),
    };
    // The verifier of Linux 6.12 and before draws no bound from a swapped port; from what comes back from the stack
    // it does.
    let (own, peer) = (usize::from(black_box(own)), usize::from(black_box(peer)));
    let own = usize::from(ruleset.own_class[own]) & (MAX_CLASSES - 1);
    let peer = usize::from(ruleset.peer_class[peer]) & (MAX_CLASSES - 1);
    ruleset.own_ports[own].and(&ruleset.peer_ports[peer])
}

/// What the rules make of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No rule matches it: it passes here.
    None,
    /// The rule of this rank decides: the lowest that matches in every dimension and whose deadline lies ahead.
    Rule(usize),
    /// Some of the rules that match are narrowed: [`first_that_hits`] knows.
    Narrowed,
}

/// Judges a packet by the rules that the first look left. Straight on, with a branch only before what costs a look-up
/// or a search: the verifier follows both sides of each.
#[inline(always)]
pub fn judge(
    ruleset: &Ruleset,
    candidates: &RuleMask,
    packet: &Packet,
    seat: Seat,
    now_ns: u64,
    surroundings: &impl Surroundings,
) -> Verdict {
    let mut rules = matching(ruleset, candidates, packet, seat, surroundings);
    if now_ns >= ruleset.first_deadline_ns {
        rules = rules.and(&ruleset.live[passed(&ruleset.deadlines_ns, now_ns)]);
    }
    if !rules.and(&ruleset.narrowed).is_empty() {
        return Verdict::Narrowed;
    }
    match rules.pop() {
        Some(rank) if is_due(ruleset, rank, seat) => Verdict::Rule(rank),
        _ => Verdict::None,
    }
}

/// The rules that match a packet in every dimension.
#[inline(always)]
fn matching(
    ruleset: &Ruleset,
    candidates: &RuleMask,
    packet: &Packet,
    seat: Seat,
    surroundings: &impl Surroundings,
) -> RuleMask {
    let place = if seat.loopback { &ruleset.loopback } else { &ruleset.wire };
    let mut rules = candidates.and(&ruleset.situations[situation(seat.way, carries(packet))]).and(place);
    if !rules.without(&ruleset.any_peer).is_empty() {
        rules = rules.and(&surroundings.peer_rules().or(&ruleset.any_peer));
    }
    if !rules.without(&ruleset.any_interface).is_empty() {
        rules = rules.and(&surroundings.interface_rules().or(&ruleset.any_interface));
    }
    rules
}

/// The rank of the rule that decides where some that match are narrowed: the lowest that matches and hits the packet.
#[inline(always)]
pub fn first_that_hits(
    ruleset: &Ruleset,
    candidates: &RuleMask,
    packet: &Packet,
    seat: Seat,
    now_ns: u64,
    surroundings: &impl Surroundings,
) -> Option<usize> {
    let mut rules = matching(ruleset, candidates, packet, seat, surroundings);
    rules = rules.and(&ruleset.live[passed(&ruleset.deadlines_ns, now_ns)]);
    if matches!(seat.hook, Hook::Tc) {
        rules = rules.without(&ruleset.narrowed_by_xdp);
    }
    let mut looked_at = 0;
    while looked_at <= MAX_NARROWED {
        let rank = rules.pop()? & (MAX_RULES - 1);
        if !is_due(ruleset, rank, seat) {
            return None;
        }
        if !ruleset.narrowed.contains(rank) || surroundings.hits(rank, now_ns) {
            return Some(rank);
        }
        looked_at += 1;
    }
    None
}

/// Whether the rule is decided here: XDP leaves a packet whose first rule is TC's to TC as a whole.
#[inline(always)]
fn is_due(ruleset: &Ruleset, rank: usize, seat: Seat) -> bool {
    !matches!(seat.hook, Hook::Xdp) || ruleset.entries[rank & (MAX_RULES - 1)].hook == Hook::Xdp as u8
}

/// How many deadlines have passed.
///
/// A binary search without a branch, since the verifier follows both sides of each: the sign of the distance
/// is the answer, and the black box keeps the compiler from turning it into a branch again.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "it is 0 or 1")]
fn passed(deadlines_ns: &[u64; MAX_DEADLINES], now_ns: u64) -> usize {
    let mut passed = 0;
    let mut step = MAX_DEADLINES / 2;
    while step > 0 {
        let next_ns = deadlines_ns[(passed + step - 1) & (MAX_DEADLINES - 1)];
        let behind = black_box(next_ns.wrapping_sub(now_ns).wrapping_sub(1) >> 63);
        passed = (passed + step * behind as usize) & (MAX_DEADLINES - 1);
        step /= 2;
    }
    passed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::NEVER_NS;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_search_counts_what_has_passed(
            mut deadlines in prop::collection::vec(0..NEVER_NS, 0..MAX_DEADLINES),
            now_ns in 0..NEVER_NS,
            exactly in any::<prop::sample::Index>(),
            on_the_spot in any::<bool>(),
        ) {
            deadlines.sort_unstable();
            let now_ns = if on_the_spot && !deadlines.is_empty() { *exactly.get(&deadlines) } else { now_ns };
            let mut slots = [NEVER_NS; MAX_DEADLINES];
            slots[..deadlines.len()].copy_from_slice(&deadlines);
            let expected = deadlines.iter().filter(|&&deadline| deadline <= now_ns).count();
            prop_assert_eq!(passed(&slots, now_ns), expected);
        }
    }
}
