//! Whether a packet may be answered at all.
//!
//! RFC 1122 3.2.2, RFC 1812 4.3.2.7 and RFC 4443 2.4 (e) forbid ICMP errors about other ICMP errors, about
//! packets sent to many, from a source that is not one host, and about fragments other than the first.
//! RFC 9293 3.10.7.1 forbids answering a RST. A packet that may not be answered is dropped in silence.

use crate::decode::{Family, Packet, protocol, tcp_flag};

/// Whether an ICMP error may answer the packet. `to_many` is the link layer's word: the frame was a
/// broadcast or multicast. `loopback`: it came over `lo`, where 127.0.0.0/8 and `::1` are hosts like others.
#[inline(always)]
pub fn icmp_due(
    packet: &Packet,
    source: &[u8; 16],
    destination: &[u8; 16],
    to_many: bool,
    loopback: bool,
) -> bool {
    let hosts = match packet.family {
        Family::V4 => is_v4_host(source, loopback) && is_v4_host(destination, loopback),
        Family::V6 => is_v6_host(source, loopback) && is_v6_host(destination, loopback),
    };
    hosts && !to_many && !packet.later_fragment && !is_icmp_error(packet)
}

/// Whether a RST may answer the packet.
#[inline(always)]
pub fn reset_due(
    packet: &Packet,
    source: &[u8; 16],
    destination: &[u8; 16],
    to_many: bool,
    loopback: bool,
) -> bool {
    packet.protocol == protocol::TCP
        && packet.tcp_flags & tcp_flag::RST == 0
        && icmp_due(packet, source, destination, to_many, loopback)
}

#[inline(always)]
fn is_v4_host(address: &[u8; 16], loopback: bool) -> bool {
    match address[12] {
        0 | 224.. => false,
        127 => loopback,
        _ => true,
    }
}

#[inline(always)]
fn is_v6_host(address: &[u8; 16], loopback: bool) -> bool {
    let (high, low) = halves(address);
    // Multicast is ff00::/8; :: is no host, ::1 is one on `lo` alone.
    address[0] != 0xff && (high, low) != (0, 0) && ((high, low) != (0, 1) || loopback)
}

#[inline(always)]
fn halves(address: &[u8; 16]) -> (u64, u64) {
    let bits = u128::from_be_bytes(*address);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
    ((bits >> 64) as u64, bits as u64)
}

#[inline(always)]
fn is_icmp_error(packet: &Packet) -> bool {
    match packet.protocol {
        // Destination unreachable, source quench, redirect, time exceeded, parameter problem (RFC 1122 3.2.2).
        protocol::ICMP => matches!(packet.icmp_type, 3 | 4 | 5 | 11 | 12),
        // Errors are below 128 (RFC 4443 2.1); a redirect (137) gets no answer either (2.4 (e.2)).
        protocol::ICMPV6 => packet.icmp_type < 128 || packet.icmp_type == 137,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::mapped;

    const HOST: [u8; 4] = [10, 0, 0, 1];
    const V6_HOST: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

    fn packet(family: Family, protocol: u8, icmp_type: u8, tcp_flags: u8) -> Packet {
        Packet {
            family,
            network: 14,
            transport: 34,
            data: 54,
            end: 54,
            protocol,
            later_fragment: false,
            source_port: 0,
            destination_port: 0,
            tcp_flags,
            icmp_type,
        }
    }

    #[test]
    fn hosts_alone_get_an_answer() {
        let udp = packet(Family::V4, protocol::UDP, 0, 0);
        for (address, loopback, due) in [
            ([10, 0, 0, 2], false, true),
            ([0, 0, 0, 0], false, false),
            ([224, 0, 0, 1], false, false),
            ([255, 255, 255, 255], false, false),
            ([240, 0, 0, 1], false, false),
            ([127, 0, 0, 1], false, false),
            ([127, 0, 0, 1], true, true),
        ] {
            let (host, other) = (mapped(HOST), mapped(address));
            assert_eq!(icmp_due(&udp, &other, &host, false, loopback), due, "from {address:?}");
            assert_eq!(icmp_due(&udp, &host, &other, false, loopback), due, "to {address:?}");
            assert!(!icmp_due(&udp, &other, &host, true, loopback), "a broadcast frame");
        }
    }

    #[test]
    fn the_same_holds_for_ipv6() {
        let udp = packet(Family::V6, protocol::UDP, 0, 0);
        let one = u128::to_be_bytes(1);
        let multicast = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        for (address, loopback, due) in [
            (V6_HOST, false, true),
            ([0; 16], false, false),
            (multicast, true, false),
            (one, false, false),
            (one, true, true),
        ] {
            assert_eq!(icmp_due(&udp, &address, &V6_HOST, false, loopback), due, "{address:?}");
        }
    }

    #[test]
    fn errors_resets_and_later_fragments_get_none() {
        let (a, b) = (mapped(HOST), mapped([10, 0, 0, 2]));
        for (icmp_type, due) in
            [(8, true), (0, true), (3, false), (4, false), (5, false), (11, false), (12, false)]
        {
            assert_eq!(
                icmp_due(&packet(Family::V4, protocol::ICMP, icmp_type, 0), &a, &b, false, false),
                due
            );
        }
        for (icmp_type, due) in [(128, true), (129, true), (1, false), (2, false), (3, false), (137, false)] {
            let packet = packet(Family::V6, protocol::ICMPV6, icmp_type, 0);
            assert_eq!(icmp_due(&packet, &V6_HOST, &V6_HOST, false, false), due);
        }
        assert!(reset_due(&packet(Family::V4, protocol::TCP, 0, tcp_flag::SYN), &a, &b, false, false));
        assert!(!reset_due(&packet(Family::V4, protocol::TCP, 0, tcp_flag::RST), &a, &b, false, false));
        assert!(!reset_due(&packet(Family::V4, protocol::UDP, 0, 0), &a, &b, false, false));
        let fragment = Packet { later_fragment: true, ..packet(Family::V4, protocol::TCP, 0, 0) };
        assert!(!icmp_due(&fragment, &a, &b, false, false) && !reset_due(&fragment, &a, &b, false, false));
    }
}
