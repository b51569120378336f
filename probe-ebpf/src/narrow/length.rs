//! Long packets alone: a path-MTU black hole.

/// Hits IP packets of more than a number of bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Length {
    /// The longest packet that is left alone, in bytes from its IP header on, as an MTU counts; 0 hits all.
    pub longer_than: u32,
}

impl Length {
    #[inline(always)]
    pub(super) const fn hits(self, bytes: u32) -> bool {
        bytes > self.longer_than
    }
}
