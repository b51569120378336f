//! Whether compiled tables would decide any packet at all between a node and some addresses. Exact, and pure.
//!
//! A rule matches a packet if it matches in each dimension by itself: own port, peer port, peer, situation, place.
//! So a rule that decides some packet of the traffic is one that is in the union of the sets of each dimension, over
//! the classes of ports and the cells between the boundaries of prefixes that the traffic touches. Nothing is
//! sampled, and it costs one walk over the ports and one over the prefixes, however wide the traffic is.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use ipnet::{IpNet, Ipv6Net};
use probe_ebpf::{
    abi::{Carries, MAX_CLASSES, RuleMask, Way, situation},
    decode::tcp_flag::{ACK, SYN},
};

use super::{Met, Tables, ask::Question, compile::mapped};

/// Where clients have their ports: Linux from 32768 (`ip(7)`, `ip_local_port_range`), others from 49152 on (RFC 6335 6).
/// With every port at the other end, a cut of 5432 would be one of whoever connects from 5432 to a protected 22.
const CLIENTS: RangeInclusive<u16> = 32_768..=u16::MAX;

/// Every packet between a node and these addresses, either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// The addresses.
    pub peers: IpNet,
    /// The port of a service at either end, with a client's port at the other; fragments, which show no port, may belong
    /// to it. Every packet if there is none.
    pub port: Option<u16>,
}

/// A packet that stands for all that were asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    way: Way,
    carries: Carries,
    peer: IpAddr,
    /// The node's port and the peer's; `None` where the packet shows none.
    ports: Option<(u16, u16)>,
    loopback: bool,
}

impl Tables {
    /// A packet of the traffic that a rule decides, and that rule's rank; `None` if all of it passes.
    pub fn first_of(&self, traffic: &Traffic) -> Option<(usize, Example)> {
        let cells = self.cells(traffic.peers);
        let loopback = [false, true];
        loopback.into_iter().filter(|&lo| !lo || is_own(traffic.peers)).find_map(|loopback| {
            [Way::Ingress, Way::Egress].into_iter().find_map(|way| {
                self.with_ports(traffic, &cells, way, loopback)
                    .or_else(|| self.without_ports(traffic, &cells, way, loopback))
            })
        })
    }

    fn with_ports(
        &self,
        traffic: &Traffic,
        cells: &[Cell],
        way: Way,
        loopback: bool,
    ) -> Option<(usize, Example)> {
        let ends = match traffic.port {
            None => vec![(1..=u16::MAX, 1..=u16::MAX)],
            Some(port) => vec![(port..=port, CLIENTS), (CLIENTS, port..=port)],
        };
        let rules = &self.ruleset;
        for (own, peer) in ends {
            let ports = self.own(own.clone()).and(&self.peer(peer.clone()));
            for carries in [Carries::TcpNew, Carries::TcpEstablished, Carries::Udp] {
                let mut left = ports.and(&rules.situations[situation(way, carries)]);
                left = self.at(left, cells, loopback);
                let Some(rank) = left.pop() else { continue };
                let has =
                    |masks: &[RuleMask; MAX_CLASSES], class: u16| masks[usize::from(class)].contains(rank);
                let own = likely(own, |port| has(&rules.own_ports, rules.own_class[usize::from(port)]))?;
                let peer = likely(peer, |port| has(&rules.peer_ports, rules.peer_class[usize::from(port)]))?;
                return self.proof(cells, rank, way, carries, Some((own, peer)), loopback);
            }
        }
        None
    }

    /// Later fragments of anything, and protocols without ports. A fragment may belong to any port.
    fn without_ports(
        &self,
        traffic: &Traffic,
        cells: &[Cell],
        way: Way,
        loopback: bool,
    ) -> Option<(usize, Example)> {
        [Carries::TcpFragment, Carries::Udp, Carries::Other].into_iter().find_map(|carries| {
            if traffic.port.is_some() && carries == Carries::Other {
                return None;
            }
            let rules = self.ruleset.portless.and(&self.ruleset.situations[situation(way, carries)]);
            let rank = self.at(rules, cells, loopback).pop()?;
            self.proof(cells, rank, way, carries, None, loopback)
        })
    }

    /// Those of the rules that match some of the peers, at this place.
    fn at(&self, rules: RuleMask, cells: &[Cell], loopback: bool) -> RuleMask {
        let place = if loopback { &self.ruleset.loopback } else { &self.ruleset.wire };
        let peers = cells.iter().fold(self.ruleset.any_peer, |all, cell| all.or(&cell.rules));
        let interfaces = self.interfaces_of(loopback).or(&self.ruleset.any_interface);
        rules.and(place).and(&peers).and(&interfaces)
    }

    /// The packet that this rule was found by, asked of the tables as the programs would.
    fn proof(
        &self,
        cells: &[Cell],
        rank: usize,
        way: Way,
        carries: Carries,
        ports: Option<(u16, u16)>,
        loopback: bool,
    ) -> Option<(usize, Example)> {
        let here = |cell: &&Cell| self.ruleset.any_peer.contains(rank) || cell.rules.contains(rank);
        let peer = cells.iter().find(here)?.like;
        let example = Example { way, carries, peer, ports, loopback };
        self.answer(&example.question()).map(|rank| (rank, example))
    }

    fn own(&self, ports: RangeInclusive<u16>) -> RuleMask {
        union(&self.ruleset.own_class, &self.ruleset.own_ports, ports)
    }

    fn peer(&self, ports: RangeInclusive<u16>) -> RuleMask {
        union(&self.ruleset.peer_class, &self.ruleset.peer_ports, ports)
    }

    /// Cuts addresses at the boundaries of the prefixes that rules name: within a cell, all match the same rules.
    fn cells(&self, peers: IpNet) -> Vec<Cell> {
        let whole = mapped(&peers);
        let is_v6 = matches!(peers, IpNet::V6(_));
        let mut starts: Vec<(u128, RuleMask)> = Vec::new();
        let mut start = |at: u128, rules: RuleMask| match starts.last_mut() {
            Some(last) if last.0 == at => last.1 = rules,
            _ => starts.push((at, rules)),
        };
        // In the map's order a prefix stands behind all that contain it, so the last that contains all is the longest.
        let around = self.peers.iter().rfind(|(prefix, _)| prefix.contains(&whole));
        let outside = around.map_or(RuleMask::EMPTY, |(_, rules)| *rules);
        let (first, last) = ends(&whole);
        start(first, outside);
        let mut open: Vec<(u128, RuleMask)> = vec![(last, outside)];
        let close_before =
            |at: u128, open: &mut Vec<(u128, RuleMask)>, start: &mut dyn FnMut(u128, RuleMask)| {
                while open.len() > 1 && open.last().is_some_and(|(end, _)| *end < at) {
                    let (end, _) = open.pop().unwrap_or_default();
                    if let Some((until, rules)) = open.last()
                        && end < *until
                    {
                        start(end + 1, *rules);
                    }
                }
            };
        for (prefix, rules) in self.peers.iter().filter(|(prefix, _)| whole.contains(*prefix)) {
            let (first, last) = ends(prefix);
            close_before(first, &mut open, &mut start);
            start(first, *rules);
            open.push((last, *rules));
        }
        // Behind the last address of all nothing begins.
        close_before(last, &mut open, &mut start);
        let behind = starts.iter().skip(1).map(|(at, _)| *at).chain([last]).collect::<Vec<_>>();
        let cells = starts.into_iter().zip(behind).map(|((first, rules), next)| {
            // No packet has the unspecified address, where the cell has another one.
            let nobody = Ipv6Addr::from(first).to_canonical().is_unspecified() && next > first + 1;
            let address = Ipv6Addr::from(if nobody { first + 1 } else { first });
            let like = address.to_ipv4_mapped().filter(|_| !is_v6).map_or(IpAddr::V6(address), IpAddr::V4);
            Cell { like, rules }
        });
        // IPv4 addresses in IPv6's clothes are in the tables for IPv4's sake; no IPv6 packet has one.
        cells.filter(|cell| !matches!(cell.like, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some())).collect()
    }
}

/// Addresses that match the same rules.
struct Cell {
    /// One of them.
    like: IpAddr,
    /// The peer-bound rules that they match.
    rules: RuleMask,
}

fn ends(prefix: &Ipv6Net) -> (u128, u128) {
    (prefix.network().to_bits(), prefix.broadcast().to_bits())
}

fn union(class_of: &[u16; 65536], masks: &[RuleMask; MAX_CLASSES], ports: RangeInclusive<u16>) -> RuleMask {
    let mut seen = [false; MAX_CLASSES];
    let mut all = RuleMask::EMPTY;
    for port in ports {
        let class = usize::from(class_of[usize::from(port)]) & (MAX_CLASSES - 1);
        if !std::mem::replace(&mut seen[class], true) {
            all = all.or(&masks[class]);
        }
    }
    all
}

/// A port of the range that matches: one as clients have it, if possible.
fn likely(ports: RangeInclusive<u16>, matches: impl Fn(u16) -> bool) -> Option<u16> {
    const CLIENT: u16 = 40_000;
    let client = ports.contains(&CLIENT).then_some(CLIENT).filter(|&port| matches(port));
    client.or_else(|| ports.clone().find(|&port| matches(port)))
}

/// Whether a node may meet such an address on `lo` (RFC 1122 3.2.1.3, RFC 4291 2.5.3).
fn is_own(peers: IpNet) -> bool {
    let own: [IpNet; 2] = [
        ipnet::Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8).into(),
        Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128).into(),
    ];
    own.iter().any(|own| own.contains(&peers) || peers.contains(own))
}

impl Example {
    fn question(&self) -> Question {
        let tcp_flags = match self.carries {
            Carries::TcpNew => SYN,
            Carries::TcpEstablished => ACK,
            _ => 0,
        };
        Question {
            met: Met { way: self.way, peer: self.peer, loopback: self.loopback, narrowed_hit: true },
            carries: self.carries,
            ports: self.ports,
            tcp_flags,
        }
    }

    /// The packet in words, such as `tcp 192.0.2.10:40000 > pg1:5432 syn`; `node` is what its own end is called.
    pub fn in_words(&self, node: &str) -> String {
        let peer = match (self.ports, self.peer) {
            (Some((_, port)), peer) => std::net::SocketAddr::new(peer, port).to_string(),
            (None, peer) => peer.to_string(),
        };
        let own = self.ports.map_or_else(|| node.to_owned(), |(port, _)| format!("{node}:{port}"));
        let (from, to) = match self.way {
            Way::Ingress => (peer, own),
            Way::Egress => (own, peer),
        };
        format!(
            "{self} {from} > {to}{}",
            match self.carries {
                Carries::TcpNew => " syn",
                Carries::TcpEstablished => " ack",
                _ => "",
            }
        )
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.carries, self.ports.is_some()) {
            (Carries::TcpFragment, _) => "fragment of tcp",
            (Carries::Udp, true) => "udp",
            (Carries::Udp, false) => "fragment of udp",
            (Carries::Other, _) => "icmp",
            (Carries::TcpNew | Carries::TcpEstablished, _) => "tcp",
        })
    }
}

#[cfg(test)]
mod tests;
