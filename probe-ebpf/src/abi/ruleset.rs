//! One bank's rules, as packets are judged by them.

use core::mem::size_of;

use super::{Carries, MAX_CLASSES, MAX_RULES, RuleMask, Sieve, Way};

/// How many situations there are: every [`Way`] with every [`Carries`].
pub const SITUATIONS: usize = 10;

/// The index into [`Ruleset::situations`].
#[inline(always)]
pub const fn situation(way: Way, carries: Carries) -> usize {
    way as usize * 5 + carries as usize
}

/// One bank's rules, sorted by dimension: the rules that match a packet are the intersection of one set per
/// dimension (bit-vector classification: Lakshman and Stiliadis, SIGCOMM 1998).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Ruleset {
    /// The class of each port as the node's own port: an index into `own_ports`.
    pub own_class: [u16; 65536],
    /// The class of each port as the peer's port: an index into `peer_ports`.
    pub peer_class: [u16; 65536],
    /// The rules that each class of own ports matches.
    pub own_ports: [RuleMask; MAX_CLASSES],
    /// The rules that each class of peer ports matches.
    pub peer_ports: [RuleMask; MAX_CLASSES],
    /// The rules that name no port at all: all that a packet without ports can match.
    pub portless: RuleMask,
    /// The rules for each way and payload: see [`situation`].
    pub situations: [RuleMask; SITUATIONS],
    /// The rules that hold on interfaces other than `lo`.
    pub wire: RuleMask,
    /// The rules that hold on `lo`.
    pub loopback: RuleMask,
    /// The rules that name no peer; the others are looked up in `PEERS`.
    pub any_peer: RuleMask,
    /// The rules that name no interface; the others are looked up in `INTERFACES`.
    pub any_interface: RuleMask,
    /// The rules that hit only some of the packets that they match: see `sieves`.
    pub narrowed: RuleMask,
    /// The narrowed rules that XDP enforces. What XDP has let pass, TC must not put to the test again.
    pub narrowed_by_xdp: RuleMask,
    /// The first of the deadlines, on the boot clock, in nanoseconds: before it nobody has to search.
    pub first_deadline_ns: u64,
    /// The different deadlines on the boot clock, ascending, then [`NEVER_NS`] up to the end.
    pub deadlines_ns: [u64; MAX_DEADLINES],
    /// `live[n]`: the rules that still hold once the first `n` deadlines have passed.
    pub live: [RuleMask; MAX_DEADLINES],
    /// The rules by rank.
    pub entries: [Entry; MAX_RULES],
    /// How rules are narrowed, by rank.
    pub sieves: [Sieve; MAX_RULES],
}

impl Ruleset {
    /// No rule at all: every packet passes.
    #[expect(clippy::large_stack_arrays, reason = "a constant; it is copied into a box")]
    pub const EMPTY: Self = Self {
        own_class: [0; 65536],
        peer_class: [0; 65536],
        own_ports: [RuleMask::EMPTY; MAX_CLASSES],
        peer_ports: [RuleMask::EMPTY; MAX_CLASSES],
        portless: RuleMask::EMPTY,
        situations: [RuleMask::EMPTY; SITUATIONS],
        wire: RuleMask::EMPTY,
        loopback: RuleMask::EMPTY,
        any_peer: RuleMask::EMPTY,
        any_interface: RuleMask::EMPTY,
        narrowed: RuleMask::EMPTY,
        narrowed_by_xdp: RuleMask::EMPTY,
        first_deadline_ns: NEVER_NS,
        deadlines_ns: [NEVER_NS; MAX_DEADLINES],
        live: [RuleMask::EMPTY; MAX_DEADLINES],
        entries: [Entry { counter: 0, action: 0, hook: 0, reserved: 0 }; MAX_RULES],
        sieves: [Sieve::OPEN; MAX_RULES],
    };
}

/// How many slots there are for deadlines. The last one is always [`NEVER_NS`].
pub const MAX_DEADLINES: usize = 256;

/// A moment on the boot clock that no machine reaches. Half the range, so that a subtraction shows the order.
pub const NEVER_NS: u64 = i64::MAX as u64;

/// What a rule does.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The rule's place in `COUNTERS`; it stays when ranks move.
    pub counter: u32,
    /// An [`Action`] as a number.
    pub action: u8,
    /// The [`Hook`] that enforces the rule, as a number.
    pub hook: u8,
    /// Always zero.
    pub reserved: u16,
}

const _: () = {
    assert!(size_of::<Entry>() == 8);
    assert!(
        size_of::<Ruleset>()
            == 2 * 131_072
                + 2 * 32 * MAX_CLASSES
                + 32 * (7 + SITUATIONS)
                + 8
                + (8 + 32) * MAX_DEADLINES
                + (8 + 80) * MAX_RULES
    );
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_situation_has_a_place_of_its_own() {
        let mut seen = [false; SITUATIONS];
        for way in [Way::Ingress, Way::Egress] {
            for carries in
                [Carries::TcpNew, Carries::TcpEstablished, Carries::TcpFragment, Carries::Udp, Carries::Other]
            {
                assert!(!core::mem::replace(&mut seen[situation(way, carries)], true));
            }
        }
        assert_eq!(seen, [true; SITUATIONS]);
    }
}
