//! From a frame to the few facts that rules ask for.
//!
//! Ethernet II with up to two VLAN tags (IEEE 802.1Q, 802.1ad), IPv4 with options and fragments (RFC 791),
//! IPv6 with extension headers (RFC 8200 4), TCP (RFC 9293 3.1), UDP (RFC 768), ICMP types.
//!
//! What cannot be parsed is [`Malformed`]: such a packet passes and is counted, never dropped by guesswork.
//!
//! Fragments: the first one carries the ports and is judged like a whole packet. Later ones carry none, so a
//! rule that names ports cannot match them; they pass, and the receiver discards them because the first is
//! missing. A rule without ports matches every fragment.

use crate::bytes::Bytes;

/// The length of an Ethernet header without tags.
pub const ETHERNET: usize = 14;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// A customer's VLAN tag (IEEE 802.1Q 9.4).
pub const ETHERTYPE_VLAN: u16 = 0x8100;
/// The bits of a tag that are the VLAN identifier (IEEE 802.1Q 9.6).
pub const VLAN_IDENTIFIER: u16 = 0xfff;
const ETHERTYPE_SERVICE_VLAN: u16 = 0x88a8;
const VLAN_TAG: usize = 4;

/// IP protocol numbers (IANA) that the datapath knows.
pub mod protocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 routing header.
    pub const ROUTING: u8 = 43;
    /// IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// Authentication header (RFC 4302).
    pub const AUTHENTICATION: u8 = 51;
    /// `ICMPv6`.
    pub const ICMPV6: u8 = 58;
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: u8 = 60;
    /// Mobility header (RFC 6275).
    pub const MOBILITY: u8 = 135;
    /// Host identity protocol (RFC 7401).
    pub const HIP: u8 = 139;
    /// Shim6 (RFC 5533).
    pub const SHIM6: u8 = 140;
}

/// TCP's control bits (RFC 9293 3.1).
pub mod tcp_flag {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// The acknowledgment field is significant.
    pub const ACK: u8 = 0x10;
}

/// How many IPv6 extension headers the decoder follows; a packet with more is [`Malformed`].
pub const MAX_EXTENSION_HEADERS: usize = 8;

/// The IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// An IP packet that could not be parsed: truncated, contradictory, or too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// What the decoder found; offsets count from the start of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The IP version.
    pub family: Family,
    /// Where the IP header begins.
    pub network: usize,
    /// Where the transport header begins.
    pub transport: usize,
    /// Where the data behind TCP's or UDP's header begin, as that header says; as `transport` for other protocols.
    pub data: usize,
    /// Where the IP packet ends, as its header says; link-layer padding lies behind it.
    pub end: usize,
    /// The IP protocol number of the transport header.
    pub protocol: u8,
    /// A fragment other than the first: there is no transport header at `transport`.
    pub later_fragment: bool,
    /// TCP's or UDP's source port; 0 where there is none.
    pub source_port: u16,
    /// TCP's or UDP's destination port; 0 where there is none.
    pub destination_port: u16,
    /// TCP's control bits; 0 for other protocols.
    pub tcp_flags: u8,
    /// ICMP's or `ICMPv6`'s type; 0 for other protocols.
    pub icmp_type: u8,
}

impl Packet {
    /// Whether the packet shows ports.
    #[inline(always)]
    pub const fn has_ports(&self) -> bool {
        !self.later_fragment && matches!(self.protocol, protocol::TCP | protocol::UDP)
    }

    /// Whether this is IPv6 neighbour discovery (RFC 4861 4), without which a link is dead: it passes under
    /// every rule, as ARP does.
    #[inline(always)]
    pub const fn is_neighbour_discovery(&self) -> bool {
        self.protocol == protocol::ICMPV6 && matches!(self.icmp_type, 133..=137)
    }

    /// The source address, IPv4 mapped into IPv6.
    #[inline(always)]
    pub fn source(&self, frame: &(impl Bytes + ?Sized)) -> Option<[u8; 16]> {
        match self.family {
            Family::V4 => frame.read::<4>(self.network + 12).map(mapped),
            Family::V6 => frame.read::<16>(self.network + 8),
        }
    }

    /// The destination address, IPv4 mapped into IPv6.
    #[inline(always)]
    pub fn destination(&self, frame: &(impl Bytes + ?Sized)) -> Option<[u8; 16]> {
        match self.family {
            Family::V4 => frame.read::<4>(self.network + 16).map(mapped),
            Family::V6 => frame.read::<16>(self.network + 24),
        }
    }
}

/// An IPv4 address mapped into IPv6 (RFC 4291 2.5.5.2).
#[inline(always)]
pub const fn mapped([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
}

/// Decodes a frame. `Ok(None)` is a frame that carries no IP.
#[inline(always)]
pub fn decode(frame: &(impl Bytes + ?Sized)) -> Result<Option<Packet>, Malformed> {
    let Some(mut ethertype) = frame.u16_at(ETHERNET - 2) else {
        return Ok(None);
    };
    let mut network = ETHERNET;
    let mut tags = 0;
    while tags < 2 && (ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_SERVICE_VLAN) {
        ethertype = frame.u16_at(network + 2).ok_or(Malformed)?;
        network += VLAN_TAG;
        tags += 1;
    }
    match ethertype {
        ETHERTYPE_IPV4 => ipv4(frame, network).map(Some),
        ETHERTYPE_IPV6 => ipv6(frame, network).map(Some),
        _ => Ok(None),
    }
}

#[inline(always)]
fn ipv4(frame: &(impl Bytes + ?Sized), network: usize) -> Result<Packet, Malformed> {
    const MINIMUM: usize = 20;
    const OFFSET: u16 = 0x1fff;
    let [version_and_length, _, total_high, total_low] = frame.read::<4>(network).ok_or(Malformed)?;
    let header = usize::from(version_and_length & 0x0f) * 4;
    if version_and_length >> 4 != 4 || header < MINIMUM {
        return Err(Malformed);
    }
    let total = u16::from_be_bytes([total_high, total_low]);
    // A `skb` of more than 64 KiB says 0 (Linux BIG TCP).
    let end = if total == 0 { frame.length() } else { network + usize::from(total) };
    let fragment = frame.u16_at(network + 6).ok_or(Malformed)? & OFFSET;
    let [_, protocol] = frame.read::<2>(network + 8).ok_or(Malformed)?;
    // The addresses end here: a frame that stops before has none to match.
    frame.read::<2>(network + MINIMUM - 2).ok_or(Malformed)?;
    let packet = Packet {
        family: Family::V4,
        network,
        transport: network + header,
        data: network + header,
        end,
        protocol,
        later_fragment: fragment != 0,
        source_port: 0,
        destination_port: 0,
        tcp_flags: 0,
        icmp_type: 0,
    };
    if packet.transport > end {
        return Err(Malformed);
    }
    transport(frame, packet)
}

#[inline(always)]
fn ipv6(frame: &(impl Bytes + ?Sized), network: usize) -> Result<Packet, Malformed> {
    const HEADER: usize = 40;
    const OFFSET: u16 = 0xfff8;
    let [version, _, _, _, payload_high, payload_low, mut next, _] =
        frame.read::<8>(network).ok_or(Malformed)?;
    if version >> 4 != 6 {
        return Err(Malformed);
    }
    frame.read::<2>(network + HEADER - 2).ok_or(Malformed)?;
    let payload = u16::from_be_bytes([payload_high, payload_low]);
    // A jumbogram (RFC 2675) says 0, and so does a large `skb`.
    let end = if payload == 0 { frame.length() } else { network + HEADER + usize::from(payload) };
    let mut at = network + HEADER;
    let mut later_fragment = false;
    let mut followed = 0;
    while followed < MAX_EXTENSION_HEADERS && !later_fragment && is_extension(next) {
        let [following, length] = frame.read::<2>(at).ok_or(Malformed)?;
        let length = usize::from(length);
        let bytes = match next {
            protocol::FRAGMENT => {
                later_fragment = frame.u16_at(at + 2).ok_or(Malformed)? & OFFSET != 0;
                8
            }
            // RFC 4302 2.2: in 4-byte units, minus 2.
            protocol::AUTHENTICATION => (length + 2) * 4,
            // RFC 8200 4.2: in 8-byte units, not counting the first.
            _ => (length + 1) * 8,
        };
        at += bytes;
        next = following;
        followed += 1;
    }
    // A later fragment's next header tells what the first one began with: an extension header there hides
    // the protocol, and the packet is judged as one that is neither TCP nor UDP.
    if (!later_fragment && is_extension(next)) || at > end {
        return Err(Malformed);
    }
    let packet = Packet {
        family: Family::V6,
        network,
        transport: at,
        data: at,
        end,
        protocol: next,
        later_fragment,
        source_port: 0,
        destination_port: 0,
        tcp_flags: 0,
        icmp_type: 0,
    };
    transport(frame, packet)
}

#[inline(always)]
const fn is_extension(next: u8) -> bool {
    matches!(
        next,
        protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::FRAGMENT
            | protocol::AUTHENTICATION
            | protocol::DESTINATION_OPTIONS
            | protocol::MOBILITY
            | protocol::HIP
            | protocol::SHIM6
    )
}

#[inline(always)]
fn transport(frame: &(impl Bytes + ?Sized), mut packet: Packet) -> Result<Packet, Malformed> {
    const TCP_MINIMUM: usize = 20;
    const UDP_HEADER: usize = 8;
    if packet.later_fragment {
        return Ok(packet);
    }
    let at = packet.transport;
    match packet.protocol {
        protocol::TCP => {
            if at + TCP_MINIMUM > packet.end {
                return Err(Malformed);
            }
            let [offset, flags] = frame.read::<2>(at + 12).ok_or(Malformed)?;
            if offset >> 4 < 5 {
                return Err(Malformed);
            }
            packet.tcp_flags = flags;
            packet.data = at + usize::from(offset >> 4) * 4;
        }
        protocol::UDP => {
            if at + UDP_HEADER > packet.end {
                return Err(Malformed);
            }
            packet.data = at + UDP_HEADER;
        }
        protocol::ICMP | protocol::ICMPV6 => {
            let [icmp_type, _] = frame.read::<2>(at).ok_or(Malformed)?;
            packet.icmp_type = icmp_type;
            return Ok(packet);
        }
        _ => return Ok(packet),
    }
    packet.source_port = frame.u16_at(at).ok_or(Malformed)?;
    packet.destination_port = frame.u16_at(at + 2).ok_or(Malformed)?;
    Ok(packet)
}
