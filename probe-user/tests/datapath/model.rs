//! The policy's meaning, as plainly as it can be said: rule by rule, on the description of a frame.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netsplit::policy::{
    Action, Direction, Flows, Narrowing, PlannedRule, PortRange, Protocol, narrow::LongerThan,
};
use probe_ebpf::{
    abi::Way,
    decode::tcp_flag::{ACK, RST, SYN},
    frames::{Fragment, Frame, Network, Transport},
};

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passes,
    Vanishes,
    Answered,
}

/// What the rules make of a frame that goes this way, on `lo` or on another interface.
pub(crate) fn outcome(rules: &[PlannedRule], frame: &Frame, way: Way, loopback: bool) -> Outcome {
    let Some(rule) = rules.iter().find(|rule| matches(rule, frame, way, loopback)) else {
        return Outcome::Passes;
    };
    let answered = match rule.action {
        // It goes on, with a copy, changed, or later.
        Action::Duplicate | Action::Corrupt | Action::Delay => return Outcome::Passes,
        Action::Drop => false,
        Action::Reject => may_be_answered(frame, loopback),
        Action::Reset => may_be_answered(frame, loopback) && !is_reset(frame),
    };
    if answered { Outcome::Answered } else { Outcome::Vanishes }
}

fn matches(rule: &PlannedRule, frame: &Frame, way: Way, loopback: bool) -> bool {
    direction(rule.direction, way)
        && (rule.loopback || !loopback)
        && carried(rule, frame)
        && ports(rule, frame, way)
        && peers(rule, frame, way)
        && narrowed(&rule.narrowing, frame)
}

/// What needs neither a clock nor a memory.
fn narrowed(narrowing: &Narrowing, frame: &Frame) -> bool {
    let bytes = frame.bytes().len() - frame.network_offset() - frame.padding;
    let flags = match frame.transport {
        Transport::Tcp { flags, .. } if frame.fragment != Fragment::Later => flags,
        _ => 0,
    };
    narrowing.longer_than.is_none_or(|LongerThan(limit)| bytes > limit as usize)
        && narrowing.tcp_flags.is_none_or(|wanted| flags & wanted.mask == wanted.value)
}

fn direction(direction: Direction, way: Way) -> bool {
    match direction {
        Direction::In => way == Way::Ingress,
        Direction::Out => way == Way::Egress,
        Direction::Both => true,
    }
}

fn carried(rule: &PlannedRule, frame: &Frame) -> bool {
    let later = frame.fragment == Fragment::Later;
    match frame.transport {
        Transport::Tcp { flags, .. } => {
            let new = flags & (SYN | ACK) == SYN;
            rule.protocol != Protocol::Udp
                && match rule.flows {
                    Flows::All => true,
                    Flows::New => !later && new,
                    Flows::Established => !later && !new,
                }
        }
        Transport::Udp { .. } => rule.protocol != Protocol::Tcp,
        Transport::Icmp(kind) => {
            let discovery =
                matches!(frame.network, Network::V6 { .. }) && (133..=137).contains(&kind) && !later;
            rule.protocol == Protocol::Any && !discovery
        }
        Transport::Other(_) => rule.protocol == Protocol::Any,
    }
}

fn ports(rule: &PlannedRule, frame: &Frame, way: Way) -> bool {
    let shown = match frame.transport {
        Transport::Tcp { source, destination, .. } | Transport::Udp { source, destination }
            if frame.fragment != Fragment::Later =>
        {
            Some((source, destination))
        }
        _ => None,
    };
    let among = |ranges: &[PortRange], port: Option<u16>| {
        ranges.is_empty()
            || port.is_some_and(|port| ranges.iter().any(|r| (r.first..=r.last).contains(&port)))
    };
    let (own, peer) = match way {
        Way::Ingress => (shown.map(|ports| ports.1), shown.map(|ports| ports.0)),
        Way::Egress => (shown.map(|ports| ports.0), shown.map(|ports| ports.1)),
    };
    among(&rule.ports, own) && among(&rule.peer_ports, peer)
}

fn addresses(frame: &Frame) -> (IpAddr, IpAddr) {
    match &frame.network {
        Network::V4 { source, destination, .. } => {
            (Ipv4Addr::from(*source).into(), Ipv4Addr::from(*destination).into())
        }
        Network::V6 { source, destination, .. } => {
            (Ipv6Addr::from(*source).into(), Ipv6Addr::from(*destination).into())
        }
    }
}

fn peers(rule: &PlannedRule, frame: &Frame, way: Way) -> bool {
    let (source, destination) = addresses(frame);
    let peer = if way == Way::Ingress { source } else { destination };
    rule.peers.is_empty() || rule.peers.iter().any(|prefix: &IpNet| prefix.contains(&peer))
}

fn is_reset(frame: &Frame) -> bool {
    matches!(frame.transport, Transport::Tcp { flags, .. } if flags & RST != 0)
}

/// RFC 1122 3.2.2 and RFC 4443 2.4 (e), for the frames of the corpus.
fn may_be_answered(frame: &Frame, loopback: bool) -> bool {
    let host = |address: IpAddr| {
        !address.is_unspecified()
            && !address.is_multicast()
            && (loopback || !address.is_loopback())
            && !matches!(address, IpAddr::V4(address) if address.octets()[0] >= 240 || address.octets()[0] == 0)
    };
    let (source, destination) = addresses(frame);
    let error = match (frame.transport, &frame.network) {
        (Transport::Icmp(kind), Network::V4 { .. }) => matches!(kind, 3 | 4 | 5 | 11 | 12),
        (Transport::Icmp(kind), Network::V6 { .. }) => kind < 128 || kind == 137,
        _ => false,
    };
    host(source) && host(destination) && frame.to[0] & 1 == 0 && frame.fragment != Fragment::Later && !error
}
