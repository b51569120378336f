//! Asking compiled tables about a packet without a kernel: the same functions that the programs run, over the
//! same tables, with the look-ups done in user space.

use std::net::IpAddr;

use probe_ebpf::{
    abi::{Carries, Hook, LOOPBACK_IFINDEX, RuleMask, Way},
    decode::{Family, Packet, protocol},
    verdict::{Seat, Surroundings, Verdict, first_look, first_that_hits, judge},
};

use super::Tables;
use crate::clock::BootInstant;

/// A TCP segment, as far as rules distinguish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Which way it goes, seen from the node.
    pub way: Way,
    /// The peer.
    pub peer: IpAddr,
    /// The peer's port.
    pub peer_port: u16,
    /// The node's port.
    pub own_port: u16,
    /// The control bits (`probe_ebpf::decode::tcp_flag`).
    pub flags: u8,
    /// Whether it goes over `lo`.
    pub loopback: bool,
}

/// Where a packet is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    /// Which way it goes, seen from the node.
    pub way: Way,
    /// The peer.
    pub peer: IpAddr,
    /// Whether it goes over `lo`.
    pub loopback: bool,
    /// Whether rules that hit only some of the packets that they match hit this one.
    pub narrowed_hit: bool,
}

/// Any packet, as far as rules distinguish it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) met: Met,
    pub(crate) carries: Carries,
    /// The node's port and the peer's; `None` where the packet shows none.
    pub(crate) ports: Option<(u16, u16)>,
    pub(crate) tcp_flags: u8,
}

impl Question {
    fn packet(&self) -> Packet {
        let (own_port, peer_port) = self.ports.unwrap_or_default();
        let (source_port, destination_port) = match self.met.way {
            Way::Ingress => (peer_port, own_port),
            Way::Egress => (own_port, peer_port),
        };
        let family = if self.met.peer.is_ipv4() { Family::V4 } else { Family::V6 };
        Packet {
            family,
            // Only readers of bytes need offsets.
            network: 0,
            transport: 0,
            data: 0,
            end: 0,
            protocol: match (self.carries, family) {
                (Carries::Udp, _) => protocol::UDP,
                (Carries::Other, Family::V4) => protocol::ICMP,
                (Carries::Other, Family::V6) => protocol::ICMPV6,
                _ => protocol::TCP,
            },
            later_fragment: self.ports.is_none() && self.carries != Carries::Other,
            source_port,
            destination_port,
            tcp_flags: self.tcp_flags,
            icmp_type: 0,
        }
    }
}

impl Tables {
    /// The rank of the rule that decides a segment at this moment; what may be hit counts as hit. A rule that is
    /// bound to interfaces counts as bound to the segment's: to `lo` if it goes over `lo`, to any other one if it
    /// does not.
    pub fn decide(&self, segment: &Segment, now: BootInstant) -> Option<usize> {
        let Segment { way, peer, loopback, .. } = *segment;
        let question = Question {
            met: Met { way, peer, loopback, narrowed_hit: true },
            carries: Carries::TcpEstablished,
            ports: Some((segment.own_port, segment.peer_port)),
            tcp_flags: segment.flags,
        };
        self.decide_packet(&question.packet(), &question.met, now)
    }

    /// The rank of the rule that decides a packet while all rules hold.
    pub(crate) fn answer(&self, question: &Question) -> Option<usize> {
        self.decide_packet(&question.packet(), &question.met, BootInstant::default())
    }

    /// The same as [`Tables::decide`] for any packet.
    pub fn decide_packet(&self, packet: &Packet, met: &Met, now: BootInstant) -> Option<usize> {
        let candidates = first_look(&self.ruleset, packet, met.way);
        let lookups = Lookups { tables: self, met };
        let seat = Seat { way: met.way, hook: Hook::Tc, loopback: met.loopback };
        match judge(&self.ruleset, &candidates, packet, seat, now.ns, &lookups) {
            Verdict::None => None,
            Verdict::Rule(rank) => Some(rank),
            Verdict::Narrowed => first_that_hits(&self.ruleset, &candidates, packet, seat, now.ns, &lookups),
        }
    }

    /// The interface-bound rules of `lo`, or of all other interfaces together.
    pub(super) fn interfaces_of(&self, loopback: bool) -> RuleMask {
        let here = self.interfaces.iter().filter(|(index, _)| (**index == LOOPBACK_IFINDEX) == loopback);
        here.fold(RuleMask::EMPTY, |all, (_, rules)| all.or(rules))
    }
}

struct Lookups<'a> {
    tables: &'a Tables,
    met: &'a Met,
}

impl Surroundings for Lookups<'_> {
    fn peer_rules(&self) -> RuleMask {
        let peer = match self.met.peer {
            IpAddr::V4(peer) => peer.to_ipv6_mapped(),
            IpAddr::V6(peer) => peer,
        };
        let containing = self.tables.peers.iter().filter(|(prefix, _)| prefix.contains(&peer));
        let longest = containing.max_by_key(|(prefix, _)| prefix.prefix_len());
        longest.map_or(RuleMask::EMPTY, |(_, mask)| *mask)
    }

    fn interface_rules(&self) -> RuleMask {
        self.tables.interfaces_of(self.met.loopback)
    }

    fn hits(&self, _: usize, _: u64) -> bool {
        self.met.narrowed_hit
    }
}
