//! Port unreachable: ICMP type 3 code 3 (RFC 792) and `ICMPv6` type 1 code 4 (RFC 4443 3.1).
//!
//! The answer quotes the refused packet from its IP header on, as much as fits into 576 bytes (RFC 1812
//! 4.3.2.3) or into the minimum IPv6 MTU of 1280 (RFC 4443 2.4 (c)). The quote stays where it is in the
//! frame: the builders make what stands before it and take its sum.

use super::{Checksum, ip};
use crate::decode::{Family, Packet, protocol};

/// The bytes of an IPv4 header and an ICMP header.
pub const ICMPV4_LENGTH: usize = 28;
/// The bytes of an IPv6 header and an `ICMPv6` header.
pub const ICMPV6_LENGTH: usize = 48;

const LARGEST_V4: usize = 576;
const LARGEST_V6: usize = 1280;

/// How many bytes of the refused packet, from its IP header on, the answer quotes. `available` is how many
/// the frame holds.
#[inline(always)]
pub fn quoted_length(packet: &Packet, available: usize) -> usize {
    let largest = match packet.family {
        Family::V4 => LARGEST_V4 - ICMPV4_LENGTH,
        Family::V6 => LARGEST_V6 - ICMPV6_LENGTH,
    };
    available.min(packet.end.saturating_sub(packet.network)).min(largest)
}

/// What stands before the quote: an IPv4 header from `source` to `destination` and the ICMP header.
/// `quote` is the quoted bytes' sum, an odd last byte padded with zero, and `length` their number.
#[inline(always)]
pub fn unreachable_v4(
    source: [u8; 4],
    destination: [u8; 4],
    quote: Checksum,
    length: u16,
) -> [u8; ICMPV4_LENGTH] {
    const TYPE_AND_CODE: u16 = 0x0303;
    // RFC 1812 4.3.2.5: ICMP errors go out with precedence 6, internetwork control.
    const SERVICE: u8 = 0xc0;
    let mut out = [0; ICMPV4_LENGTH];
    let total = 28 + length;
    out[..20].copy_from_slice(&ip::ipv4_header(source, destination, protocol::ICMP, SERVICE, total));
    out[20..22].copy_from_slice(&TYPE_AND_CODE.to_be_bytes());
    out[22..24].copy_from_slice(&quote.word(TYPE_AND_CODE).finish());
    out
}

/// What stands before the quote: an IPv6 header from `source` to `destination` and the `ICMPv6` header, whose
/// checksum covers the pseudo-header (RFC 8200 8.1). `quote` and `length` as in [`unreachable_v4`].
#[inline(always)]
pub fn unreachable_v6(
    source: &[u8; 16],
    destination: &[u8; 16],
    quote: Checksum,
    length: u16,
) -> [u8; ICMPV6_LENGTH] {
    const TYPE_AND_CODE: u16 = 0x0104;
    let mut out = [0; ICMPV6_LENGTH];
    let payload = 8 + length;
    out[..40].copy_from_slice(&ip::ipv6_header(source, destination, protocol::ICMPV6, payload));
    out[40..42].copy_from_slice(&TYPE_AND_CODE.to_be_bytes());
    let sum = quote
        .bytes(source)
        .bytes(destination)
        .word(payload)
        .word(protocol::ICMPV6.into())
        .word(TYPE_AND_CODE);
    out[42..44].copy_from_slice(&sum.finish());
    out
}
