//! On and off by the kernel's clock.

/// Hits packets during the first part of each period; the first period begins when the rule comes into force.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flap {
    /// How long a period is, in nanoseconds; 0 for a rule that is always on.
    pub period_ns: u64,
    /// How long it is on in each, in nanoseconds.
    pub on_ns: u64,
}

impl Flap {
    #[inline(always)]
    pub(super) const fn hits(&self, in_force_ns: u64) -> bool {
        self.period_ns == 0 || in_force_ns % self.period_ns < self.on_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_period_begins_on() {
        let flap = Flap { period_ns: 100, on_ns: 25 };
        for (in_force_ns, on) in [(0, true), (24, true), (25, false), (99, false), (100, true), (8_924, true)]
        {
            assert_eq!(flap.hits(in_force_ns), on, "{in_force_ns}");
        }
        assert!(Flap::default().hits(5), "always on");
    }
}
