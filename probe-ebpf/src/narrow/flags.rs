//! Segments with certain control bits: a lost FIN, a handshake that never ends.

/// Hits TCP segments whose control bits (RFC 9293 3.1) are as they should be.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlagPattern {
    /// The bits that are looked at; 0 for none.
    pub mask: u8,
    /// What they must be.
    pub value: u8,
}

impl FlagPattern {
    #[inline(always)]
    pub(super) const fn hits(self, tcp_flags: u8) -> bool {
        tcp_flags & self.mask == self.value
    }
}
