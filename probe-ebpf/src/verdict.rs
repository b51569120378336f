//! Which rule decides a packet.

use core::hint::black_box;

use crate::{
    abi::{Carries, MAX_CLASSES, MAX_DEADLINES, RuleMask, Ruleset, Way, situation},
    decode::{Packet, protocol, tcp_flag},
};

/// What the ruleset alone cannot answer: look-ups that cost something, asked only where a rule needs them.
pub trait Surroundings {
    /// The peer-bound rules that the packet's peer matches.
    fn peer_rules(&self) -> RuleMask;
    /// The interface-bound rules that the packet's interface matches.
    fn interface_rules(&self) -> RuleMask;
    /// The boot clock in nanoseconds.
    fn now_ns(&self) -> u64;
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
    // Before Linux 6.13 or so the verifier knows no bound of a number whose bytes were swapped, and the compiler
    // leaves out a mask that changes nothing: read back from behind the black box, a port has 16 bits for both.
    let (own, peer) = (black_box(own), black_box(peer));
    let own = usize::from(ruleset.own_class[usize::from(own)]) & (MAX_CLASSES - 1);
    let peer = usize::from(ruleset.peer_class[usize::from(peer)]) & (MAX_CLASSES - 1);
    ruleset.own_ports[own].and(&ruleset.peer_ports[peer])
}

/// The rank of the rule that decides the packet, out of those that the first look left: the lowest that
/// matches in every dimension and whose deadline lies ahead. `None`: the packet passes.
#[inline(always)]
pub fn decide(
    ruleset: &Ruleset,
    candidates: RuleMask,
    packet: &Packet,
    way: Way,
    loopback: bool,
    surroundings: &impl Surroundings,
) -> Option<usize> {
    let mut rules = candidates;
    rules = rules.and(&ruleset.situations[situation(way, carries(packet))]);
    rules = rules.and(if loopback { &ruleset.loopback } else { &ruleset.wire });
    if !rules.is_empty() && rules.and(&ruleset.any_peer) != rules {
        rules = rules.and(&surroundings.peer_rules().or(&ruleset.any_peer));
    }
    if !rules.is_empty() && rules.and(&ruleset.any_interface) != rules {
        rules = rules.and(&surroundings.interface_rules().or(&ruleset.any_interface));
    }
    if rules.is_empty() {
        return None;
    }
    let passed = passed(&ruleset.deadlines_ns, surroundings.now_ns());
    rules.and(&ruleset.live[passed]).pop()
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
