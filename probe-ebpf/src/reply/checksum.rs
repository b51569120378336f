//! The Internet checksum (RFC 1071).

/// A running one's complement sum of 16-bit words.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checksum {
    sum: u32,
}

impl Checksum {
    /// A sum as the kernel keeps one: of 16-bit words in the machine's own order (RFC 1071 2 (B): the order of the bytes
    /// does not matter, but for the result's own).
    #[inline(always)]
    #[must_use]
    pub const fn of_kernel(sum: u32) -> Self {
        let folded = (sum & 0xffff) + (sum >> 16);
        let folded = (folded & 0xffff) + (folded >> 16);
        #[expect(clippy::cast_possible_truncation, reason = "folded into 16 bits")]
        Self { sum: u16::from_be(folded as u16) as u32 }
    }

    /// Adds one word in host order. At most 65,535 words may be added before [`Self::finish`].
    #[inline(always)]
    #[must_use]
    pub const fn word(self, word: u16) -> Self {
        Self { sum: self.sum + word as u32 }
    }

    /// Adds an even number of bytes.
    #[inline(always)]
    #[must_use]
    pub const fn bytes<const N: usize>(mut self, bytes: &[u8; N]) -> Self {
        const { assert!(N.is_multiple_of(2)) };
        let mut at = 0;
        while at < N {
            self = self.word(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
            at += 2;
        }
        self
    }

    /// The checksum, ready for the header in network order.
    #[inline(always)]
    pub const fn finish(self) -> [u8; 2] {
        let folded = (self.sum & 0xffff) + (self.sum >> 16);
        let folded = (folded & 0xffff) + (folded >> 16);
        #[expect(clippy::cast_possible_truncation, reason = "folded twice: it fits")]
        (!(folded as u16)).to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::Checksum;

    #[test]
    fn the_example_of_rfc_1071() {
        let sum = Checksum::default().bytes(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.finish(), (!0xddf2_u16).to_be_bytes());
    }

    #[test]
    fn a_sum_of_the_kernels_is_one_of_ours() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        let kernel =
            bytes.chunks(4).map(|four| u64::from(u32::from_ne_bytes(four.try_into().unwrap()))).sum::<u64>();
        let folded = (kernel & 0xffff_ffff) + (kernel >> 32);
        let ours = Checksum::of_kernel(u32::try_from(folded).unwrap());
        assert_eq!(ours.finish(), Checksum::default().bytes(&bytes).finish());
    }

    #[test]
    fn the_largest_sum_folds() {
        let mut sum = Checksum::default();
        for _ in 0..65_535 {
            sum = sum.word(0xffff);
        }
        assert_eq!(sum.finish(), [0, 0]);
    }
}
