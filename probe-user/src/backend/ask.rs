//! Asking compiled tables about a packet without a kernel: the same functions that the programs run, over the
//! same tables, with the look-ups done in user space.

use std::net::IpAddr;

use probe_ebpf::{
    abi::{Hook, RuleMask, Way},
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

impl Tables {
    /// The rank of the rule that decides a segment at this moment; what may be hit counts as hit. A rule that is
    /// bound to interfaces counts as bound to the segment's.
    pub fn decide(&self, segment: &Segment, now: BootInstant) -> Option<usize> {
        let (source_port, destination_port) = match segment.way {
            Way::Ingress => (segment.peer_port, segment.own_port),
            Way::Egress => (segment.own_port, segment.peer_port),
        };
        let packet = Packet {
            family: if segment.peer.is_ipv4() { Family::V4 } else { Family::V6 },
            // Only readers of bytes need offsets.
            network: 0,
            transport: 0,
            data: 0,
            end: 0,
            protocol: protocol::TCP,
            later_fragment: false,
            source_port,
            destination_port,
            tcp_flags: segment.flags,
            icmp_type: 0,
        };
        let Segment { way, peer, loopback, .. } = *segment;
        self.decide_packet(&packet, &Met { way, peer, loopback, narrowed_hit: true }, now)
    }

    /// The same for any packet.
    pub fn decide_packet(&self, packet: &Packet, met: &Met, now: BootInstant) -> Option<usize> {
        let candidates = first_look(&self.ruleset, packet, met.way);
        let lookups = Lookups { tables: self, peer: met.peer, narrowed_hit: met.narrowed_hit };
        let seat = Seat { way: met.way, hook: Hook::Tc, loopback: met.loopback };
        match judge(&self.ruleset, &candidates, packet, seat, now.ns, &lookups) {
            Verdict::None => None,
            Verdict::Rule(rank) => Some(rank),
            Verdict::Narrowed => first_that_hits(&self.ruleset, &candidates, packet, seat, now.ns, &lookups),
        }
    }
}

struct Lookups<'a> {
    tables: &'a Tables,
    peer: IpAddr,
    narrowed_hit: bool,
}

impl Surroundings for Lookups<'_> {
    fn peer_rules(&self) -> RuleMask {
        let peer = match self.peer {
            IpAddr::V4(peer) => peer.to_ipv6_mapped(),
            IpAddr::V6(peer) => peer,
        };
        let containing = self.tables.peers.iter().filter(|(prefix, _)| prefix.contains(&peer));
        let longest = containing.max_by_key(|(prefix, _)| prefix.prefix_len());
        longest.map_or(RuleMask::EMPTY, |(_, mask)| *mask)
    }

    fn interface_rules(&self) -> RuleMask {
        self.tables.interfaces.values().fold(RuleMask::EMPTY, |all, mask| all.or(mask))
    }

    fn hits(&self, _: usize, _: u64) -> bool {
        self.narrowed_hit
    }
}
