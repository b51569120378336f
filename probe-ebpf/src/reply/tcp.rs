//! The RST that a closed port would send (RFC 9293 3.10.7.1).

use super::{Checksum, ip};
use crate::{
    bytes::Bytes,
    decode::{Packet, protocol, tcp_flag},
};

/// The bytes of an IPv4 header and a RST.
pub const RESET_V4_LENGTH: usize = 40;
/// The bytes of an IPv6 header and a RST.
pub const RESET_V6_LENGTH: usize = 60;

/// The TCP side of a RST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// The refused segment's destination port.
    pub source_port: u16,
    /// The refused segment's source port.
    pub destination_port: u16,
    /// The sequence number.
    pub sequence: u32,
    /// The acknowledgment number; 0 without ACK.
    pub acknowledgment: u32,
    /// RST, or RST and ACK.
    pub flags: u8,
}

/// What a closed port answers to the segment. `None` if the segment is shorter than it says.
///
/// With ACK: `<SEQ=SEG.ACK><CTL=RST>`. Without: `<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>`, where the
/// segment's length counts its data, its SYN and its FIN.
#[inline(always)]
pub fn reset(frame: &(impl Bytes + ?Sized), packet: &Packet) -> Option<Reset> {
    let at = packet.transport;
    let (sequence, acknowledgment, flags) = if packet.tcp_flags & tcp_flag::ACK != 0 {
        (frame.u32_at(at + 8)?, 0, tcp_flag::RST)
    } else {
        let [offset, _] = frame.read::<2>(at + 12)?;
        let header = usize::from(offset >> 4) * 4;
        let data = packet.end.checked_sub(at + header)?;
        let controls = u32::from(packet.tcp_flags & tcp_flag::SYN != 0)
            + u32::from(packet.tcp_flags & tcp_flag::FIN != 0);
        #[expect(clippy::cast_possible_truncation, reason = "a frame is far shorter than 4 GiB")]
        let length = data as u32 + controls;
        (0, frame.u32_at(at + 4)?.wrapping_add(length), tcp_flag::RST | tcp_flag::ACK)
    };
    Some(Reset {
        source_port: packet.destination_port,
        destination_port: packet.source_port,
        sequence,
        acknowledgment,
        flags,
    })
}

/// The RST in an IPv4 packet from `source` to `destination`.
#[inline(always)]
pub fn reset_v4(source: [u8; 4], destination: [u8; 4], reset: &Reset) -> [u8; RESET_V4_LENGTH] {
    let mut out = [0; RESET_V4_LENGTH];
    out[..20].copy_from_slice(&ip::ipv4_header(source, destination, protocol::TCP, 0, 40));
    let pseudo = Checksum::default().bytes(&source).bytes(&destination).word(protocol::TCP.into()).word(20);
    out[20..].copy_from_slice(&segment(reset, pseudo));
    out
}

/// The RST in an IPv6 packet from `source` to `destination`.
#[inline(always)]
pub fn reset_v6(source: &[u8; 16], destination: &[u8; 16], reset: &Reset) -> [u8; RESET_V6_LENGTH] {
    let mut out = [0; RESET_V6_LENGTH];
    out[..40].copy_from_slice(&ip::ipv6_header(source, destination, protocol::TCP, 20));
    let pseudo = Checksum::default().bytes(source).bytes(destination).word(20).word(protocol::TCP.into());
    out[40..].copy_from_slice(&segment(reset, pseudo));
    out
}

#[inline(always)]
fn segment(reset: &Reset, pseudo: Checksum) -> [u8; 20] {
    let [s0, s1] = reset.source_port.to_be_bytes();
    let [d0, d1] = reset.destination_port.to_be_bytes();
    let [q0, q1, q2, q3] = reset.sequence.to_be_bytes();
    let [a0, a1, a2, a3] = reset.acknowledgment.to_be_bytes();
    let mut header = [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, 5 << 4, reset.flags, 0, 0, 0, 0, 0, 0];
    let [c0, c1] = pseudo.bytes(&header).finish();
    header[16] = c0;
    header[17] = c1;
    header
}
