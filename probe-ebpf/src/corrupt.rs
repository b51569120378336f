//! Which bit of a packet changes.

use crate::decode::Packet;

/// The longest way into the data at which a bit changes: an offset that the verifier can follow.
const REACH: usize = (1 << 15) - 1;

impl Packet {
    /// Whether TCP or UDP carries at least two bytes of data.
    #[inline(always)]
    pub const fn has_data(&self) -> bool {
        self.has_ports() && self.data + 2 <= self.end
    }
}

/// Where the two bytes lie of which a bit changes: at an even distance from the transport header, as its checksum
/// counts, and inside the frame of `length` bytes.
#[inline(always)]
pub const fn place(packet: &Packet, length: usize, random: u32) -> Option<usize> {
    let end = if packet.end < length { packet.end } else { length };
    if packet.data + 2 > end {
        return None;
    }
    // A share of the words instead of a remainder: no division, which could be one by zero.
    let word = ((end - packet.data) as u64 / 2 * random as u64) >> 32;
    let at = packet.data + word as usize * 2;
    Some(at & REACH)
}

/// The two bytes with one bit changed.
#[inline(always)]
pub const fn flipped(bytes: [u8; 2], random: u32) -> [u8; 2] {
    (u16::from_ne_bytes(bytes) ^ (1 << (random >> 28))).to_ne_bytes()
}
