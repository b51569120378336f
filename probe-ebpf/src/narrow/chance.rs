//! Loss by chance, the same each time for the same seed.

/// Hits a share of the packets.
///
/// The n-th packet's fate is a hash of the seed and n, so a run with the same seed and the same packets has the
/// same losses; `bpf_get_prandom_u32` takes no seed. The hash is the output function of `SplitMix64` (Steele,
/// Lea and Flood, OOPSLA 2014).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chance {
    /// Which sequence.
    pub seed: u64,
    /// How many of 2^32 packets are hit; 0 for all.
    pub of_2_32: u32,
}

impl Chance {
    #[inline(always)]
    pub(super) const fn is_open(&self) -> bool {
        self.of_2_32 == 0
    }

    /// Whether the packet after `throws` others is hit.
    #[inline(always)]
    pub const fn hits(&self, throws: u64) -> bool {
        mix(self.seed, throws) >> 32 < self.of_2_32 as u64
    }
}

/// The n-th number of the sequence that a seed stands for: uniform over 64 bits.
#[inline(always)]
pub const fn mix(seed: u64, n: u64) -> u64 {
    const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(GOLDEN_GAMMA));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_hit_as_was_asked_for() {
        for share in [0.01_f64, 0.3, 0.5, 0.99] {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 2^32")]
            let chance = Chance { seed: 7, of_2_32: (share * 4_294_967_296.0) as u32 };
            let hit = (0..100_000).filter(|&throws| chance.hits(throws)).count();
            // Five standard deviations of a binomial distribution.
            let wide = 5.0 * (100_000.0 * share * (1.0 - share)).sqrt();
            #[expect(clippy::cast_precision_loss, reason = "at most 100,000")]
            let off = (hit as f64 - 100_000.0 * share).abs();
            assert!(off < wide, "{share}: {hit}");
        }
    }

    #[test]
    fn the_seed_decides() {
        let fates = |seed| -> Vec<bool> {
            let chance = Chance { seed, of_2_32: 1 << 31 };
            (0..64).map(|throws| chance.hits(throws)).collect()
        };
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
    }
}
