//! A rate limit without a queue: what exceeds the rate is hit.

/// Hits what exceeds a rate, as the generic cell rate algorithm has it (ITU-T I.371 Annex A, the virtual
/// scheduling form): one number, the time at which the next byte is due.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// How long a byte takes at the rate, in picoseconds; 0 for no limit.
    pub ps_per_byte: u64,
    /// How far traffic may be ahead of the rate, in nanoseconds: the burst's length at the rate.
    pub burst_ns: u64,
}

impl Pace {
    #[inline(always)]
    pub(super) const fn is_open(&self) -> bool {
        self.ps_per_byte == 0
    }

    /// When the next byte is due once a packet has been sent, in nanoseconds; `None` if it comes too early.
    /// `due_ns` is when its own first byte was due.
    #[inline(always)]
    pub const fn next_due_ns(&self, due_ns: u64, bytes: u32, now_ns: u64) -> Option<u64> {
        let due_ns = if due_ns > now_ns { due_ns } else { now_ns };
        let takes_ns = (bytes as u64).wrapping_mul(self.ps_per_byte) / 1000;
        let next_ns = due_ns.wrapping_add(takes_ns);
        if next_ns.wrapping_sub(now_ns) > self.burst_ns { None } else { Some(next_ns) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        // 1,000 bytes a second, 2,000 bytes at once.
        let pace = Pace { ps_per_byte: 1_000_000_000, burst_ns: 2_000_000_000 };
        let (mut due_ns, mut passed) = (0, 0);
        for millisecond in 0..10_000_u64 {
            if let Some(next_ns) = pace.next_due_ns(due_ns, 100, millisecond * 1_000_000) {
                due_ns = next_ns;
                passed += 100;
            }
        }
        // Ten seconds at the rate, and the burst.
        assert!((11_800..=12_000).contains(&passed), "{passed}");
    }
}
