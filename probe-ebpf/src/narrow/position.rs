//! Later parts of a flow alone: a connection that comes up, and is cut in the middle of a transaction.

/// Hits packets of a flow from a packet or a byte on. Both count from when the rule came into force, in the
/// rule's direction.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The first packet of a flow that is hit, counted from 1; 0 for any.
    pub packet: u64,
    /// The first byte of a flow whose packet is hit, counted from 1, IP headers included; 0 for any.
    pub byte: u64,
}

/// How far a flow has come, the packet in question included.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Packets.
    pub packets: u64,
    /// Their bytes from the IP header on.
    pub bytes: u64,
}

impl Position {
    #[inline(always)]
    pub(super) const fn is_open(&self) -> bool {
        self.packet == 0 && self.byte == 0
    }

    #[inline(always)]
    pub(super) const fn hits(&self, progress: Progress) -> bool {
        progress.packets >= self.packet && progress.bytes >= self.byte
    }
}
