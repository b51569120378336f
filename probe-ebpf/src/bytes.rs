//! Bounds-checked reads from a frame, wherever it lies.
//!
//! The decoder reads through this trait alone, so the same code runs over an XDP buffer, an `skb` and a slice
//! in a test. Every read says where, and answers `None` past the end.

/// A frame from its link-layer header on.
pub trait Bytes {
    /// The frame's length in bytes, the part outside direct reach included.
    fn length(&self) -> usize;

    /// The bytes at `at`, or `None` if they are not all inside the frame.
    ///
    /// Two at least: the compiler turns the check for a single byte into a comparison that the verifier draws
    /// no bound from.
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]>;

    /// The big-endian 16-bit number at `at`.
    #[inline(always)]
    fn u16_at(&self, at: usize) -> Option<u16> {
        self.read::<2>(at).map(u16::from_be_bytes)
    }

    /// The big-endian 32-bit number at `at`.
    #[inline(always)]
    fn u32_at(&self, at: usize) -> Option<u32> {
        self.read::<4>(at).map(u32::from_be_bytes)
    }
}

impl Bytes for [u8] {
    fn length(&self) -> usize {
        self.len()
    }

    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.get(at..at.checked_add(N)?)?.try_into().ok()
    }
}
