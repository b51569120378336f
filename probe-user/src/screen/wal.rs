//! How far each node's WAL is, and how much of the primary's a standby lacks.

use std::{collections::VecDeque, time::Duration};

use crate::clock::BootInstant;

/// A position of the primary counts for the lag once it is this old. Every node is asked once a second, not at the same
/// moment: what the primary wrote since could not have been seen on a standby.
const SETTLED: Duration = Duration::from_secs(2);

/// The positions of one node's WAL that matter: the newest, and the newest that is settled.
#[derive(Clone, Debug, Default)]
pub(super) struct Positions {
    seen: VecDeque<(BootInstant, u64)>,
}

impl Positions {
    /// Takes a position such as `0/3000148`; what is none changes nothing.
    pub(super) fn take(&mut self, at: BootInstant, text: &str) {
        let Some(position) = parse(text) else { return };
        self.seen.push_back((at, position));
        while self.seen.get(1).is_some_and(|(next, _)| at.since(*next) >= SETTLED) {
            self.seen.pop_front();
        }
    }

    fn newest(&self) -> Option<u64> {
        self.seen.back().map(|(_, position)| *position)
    }

    fn settled(&self, now: BootInstant) -> Option<u64> {
        let settled = self.seen.iter().rev().find(|(at, _)| now.since(*at) >= SETTLED);
        settled.map(|(_, position)| *position)
    }
}

/// The bytes of WAL that the primary had written 2 s ago and that the standby has not received by now: never more than
/// the truth. `None` while either is not known.
pub(super) fn lag(primary: &Positions, standby: &Positions, now: BootInstant) -> Option<u64> {
    Some(primary.settled(now)?.saturating_sub(standby.newest()?))
}

/// Two hexadecimal numbers of 32 bits.
fn parse(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    let half = |digits| u32::from_str_radix(digits, 16).ok().map(u64::from);
    Some((half(high)? << 32) | half(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::story::boot;

    #[test]
    fn a_position_is_two_halves() {
        for (text, expected) in [
            ("0/3000148", Some(0x0300_0148)),
            ("1/0", Some(1 << 32)),
            ("FFFFFFFF/FFFFFFFF", Some(u64::MAX)),
            ("0", None),
            ("0/-1", None),
            ("100000000/0", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn the_lag_is_never_more_than_the_truth() {
        let (mut primary, mut standby) = (Positions::default(), Positions::default());
        assert_eq!(lag(&primary, &standby, boot(0.0)), None);
        primary.take(boot(0.0), "0/1000");
        assert_eq!(lag(&primary, &standby, boot(9.0)), None);
        standby.take(boot(0.5), "0/1000");
        assert_eq!(lag(&primary, &standby, boot(9.0)), Some(0));
        // The primary writes, and the standby was asked a moment before.
        primary.take(boot(10.0), "0/3000");
        assert_eq!(lag(&primary, &standby, boot(10.5)), Some(0));
        standby.take(boot(10.6), "0/2000");
        assert_eq!(lag(&primary, &standby, boot(12.0)), Some(0x1000));
        // What is ahead of a deposed primary lacks nothing.
        standby.take(boot(12.0), "0/9000");
        assert_eq!(lag(&primary, &standby, boot(12.0)), Some(0));
    }

    #[test]
    fn what_matters_no_longer_is_forgotten() {
        let mut positions = Positions::default();
        for second in 0..10_000_u32 {
            positions.take(boot(f64::from(second)), &format!("0/{second:X}"));
        }
        assert!(positions.seen.len() <= 4, "{}", positions.seen.len());
        assert_eq!(positions.settled(boot(9999.0)), Some(9997));
    }
}
