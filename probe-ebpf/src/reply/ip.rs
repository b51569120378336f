//! The IP headers of answers.

use super::Checksum;

/// The time to live, or hop limit, of an answer: IANA's recommended default.
const HOPS: u8 = 64;

/// An IPv4 header without options; `total` counts header and payload. Sent whole or not at all: the
/// identification is 0 and "don't fragment" is set (RFC 6864 4.1).
#[inline(always)]
pub(super) fn ipv4_header(
    source: [u8; 4],
    destination: [u8; 4],
    protocol: u8,
    service: u8,
    total: u16,
) -> [u8; 20] {
    let [t0, t1] = total.to_be_bytes();
    let ([s0, s1, s2, s3], [d0, d1, d2, d3]) = (source, destination);
    let mut header =
        [0x45, service, t0, t1, 0, 0, 0x40, 0, HOPS, protocol, 0, 0, s0, s1, s2, s3, d0, d1, d2, d3];
    let [c0, c1] = Checksum::default().bytes(&header).finish();
    header[10] = c0;
    header[11] = c1;
    header
}

/// An IPv6 header; `payload` counts what follows it.
#[inline(always)]
pub(super) fn ipv6_header(source: &[u8; 16], destination: &[u8; 16], next: u8, payload: u16) -> [u8; 40] {
    let mut header = [0; 40];
    let [p0, p1] = payload.to_be_bytes();
    header[..8].copy_from_slice(&[0x60, 0, 0, 0, p0, p1, next, HOPS]);
    header[8..24].copy_from_slice(source);
    header[24..].copy_from_slice(destination);
    header
}
