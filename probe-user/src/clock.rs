//! The two clocks: the boot clock for order and arithmetic, the wall clock for people.
//!
//! The boot clock is `CLOCK_BOOTTIME` (`clock_gettime(2)`), the one that `bpf_ktime_get_boot_ns`
//! reads in the kernel: a packet's hit and an observer's event stand on one axis.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment on the boot clock, in nanoseconds since boot, suspended time included.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    schemars::JsonSchema,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct BootInstant {
    /// Nanoseconds since boot.
    pub ns: u64,
}

impl BootInstant {
    /// The boot clock now.
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        let (seconds, nanos) = (time.tv_sec.cast_unsigned(), time.tv_nsec.cast_unsigned());
        Self { ns: seconds * 1_000_000_000 + nanos }
    }

    /// The time from `earlier` to here; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.ns.saturating_sub(earlier.ns))
    }

    /// Seconds from `origin` to here, negative if `origin` is later.
    #[expect(clippy::cast_precision_loss, reason = "a run is far shorter than 2^52 ns")]
    pub fn seconds_after(self, origin: Self) -> f64 {
        if self.ns >= origin.ns {
            (self.ns - origin.ns) as f64 / 1e9
        } else {
            -((origin.ns - self.ns) as f64 / 1e9)
        }
    }
}

impl std::ops::Add<Duration> for BootInstant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self { ns: self.ns.saturating_add(ns) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_clock_goes_forward() {
        let earlier = BootInstant::now();
        let later = BootInstant::now();
        assert!(later >= earlier);
        assert_eq!(earlier.since(later + Duration::from_secs(1)), Duration::ZERO);
    }

    #[test]
    fn seconds_after_is_signed() {
        let origin = BootInstant { ns: 5_000_000_000 };
        assert!((BootInstant { ns: 7_500_000_000 }.seconds_after(origin) - 2.5).abs() < 1e-9);
        assert!((BootInstant { ns: 4_000_000_000 }.seconds_after(origin) + 1.0).abs() < 1e-9);
    }
}
