//! Between a packet and a frame that a program can be asked about.

use std::net::{IpAddr, Ipv6Addr};

use probe_ebpf::{
    bytes::Bytes,
    decode::{Malformed, decode, protocol},
    frames::{Fragment, Frame, Network, Transport},
};

use super::{Carries, Packet, words::echo_request};

/// Any two stations; no rule asks for them.
const STATIONS: ([u8; 6], [u8; 6]) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);

impl Packet {
    /// A frame that carries it. What the words leave open is as ordinary as can be; an ICMP message without a type asks
    /// for an echo.
    pub fn frame(&self) -> Frame {
        let network = match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                Network::V4 { source: source.octets(), destination: destination.octets(), options: 0 }
            }
            (source, destination) => {
                let octets = |address: IpAddr| match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                    IpAddr::V6(address) => address.octets(),
                };
                Network::V6 {
                    source: octets(source),
                    destination: octets(destination),
                    extensions: Vec::new(),
                }
            }
        };
        Frame {
            to: STATIONS.0,
            from: STATIONS.1,
            tags: self.tags.clone(),
            network,
            fragment: self.fragment,
            transport: match self.carries {
                Carries::Tcp { source, destination, flags } => Transport::Tcp {
                    source,
                    destination,
                    flags,
                    sequence: 0x1122_3344,
                    acknowledgment: 0x5566_7788,
                },
                Carries::Udp { source, destination } => Transport::Udp { source, destination },
                Carries::Icmp(kind) => Transport::Icmp(kind.unwrap_or_else(|| echo_request(self.source))),
                Carries::Other(number) => Transport::Other(number),
            },
            data: self.length,
            padding: 0,
        }
    }

    /// The packet that a frame carries; `Ok(None)` if it carries no IP.
    pub fn of_frame(frame: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some(packet) = decode(frame)? else { return Ok(None) };
        let address = |octets: Option<[u8; 16]>| {
            octets.map(|octets| Ipv6Addr::from(octets).to_canonical()).ok_or(Malformed)
        };
        let (source, destination) = (packet.source_port, packet.destination_port);
        // The length of a header that says its own; RFC 9293 3.1: in 4-byte words.
        let header = match packet.protocol {
            _ if packet.later_fragment => 0,
            protocol::TCP => usize::from(frame[packet.transport + 12] >> 4) * 4,
            protocol::UDP | protocol::ICMP | protocol::ICMPV6 => 8,
            _ => 0,
        };
        // Each tag has four bytes behind the Ethernet header's own.
        let tags = (probe_ebpf::decode::ETHERNET..packet.network).step_by(4);
        Ok(Some(Self {
            carries: match packet.protocol {
                protocol::TCP => Carries::Tcp { source, destination, flags: packet.tcp_flags },
                protocol::UDP => Carries::Udp { source, destination },
                protocol::ICMP | protocol::ICMPV6 => {
                    Carries::Icmp((!packet.later_fragment).then_some(packet.icmp_type))
                }
                other => Carries::Other(other),
            },
            source: address(packet.source(frame))?,
            destination: address(packet.destination(frame))?,
            length: packet.end.saturating_sub(packet.transport + header),
            fragment: if packet.later_fragment { Fragment::Later } else { Fragment::Whole },
            tags: tags.filter_map(|at| frame.u16_at(at)).map(|tag| tag & 0x0fff).collect(),
            interface: None,
            way: None,
        }))
    }
}
