//! When clients could not write.

use std::time::Duration;

use super::{ClientWrite, Event, Kind, WriteOutcome};
use crate::clock::BootInstant;

/// Writes have stopped when none was acknowledged for this long. Shorter pauses (a slow disk, a reconnect) are
/// ordinary life, and stay in `events.jsonl`.
pub const WRITE_PAUSE: Duration = Duration::from_secs(2);

/// A time without an acknowledged write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// When the first attempt began that was not acknowledged, or not in time.
    pub begin: BootInstant,
    /// The next acknowledgement; `None` where there was none.
    pub end: Option<BootInstant>,
    /// `end`, or the last that was seen of the client.
    pub seen_until: BootInstant,
}

impl Outage {
    /// How long, as far as it was seen.
    pub fn length(&self) -> Duration {
        self.seen_until.since(self.begin)
    }
}

/// Every outage of at least [`WRITE_PAUSE`], in order.
///
/// Counted from the first acknowledgement on, and at the end of the record only up to the client's last word.
/// `events` must be in order.
pub(crate) fn outages(events: &[&Event]) -> Vec<Outage> {
    let mut outages = Vec::new();
    let mut acknowledged = false;
    let mut begin: Option<BootInstant> = None;
    let mut last = None;
    for event in events.iter().filter(|event| event.kind == Kind::Write) {
        let Some(write) = event.after_as::<ClientWrite>() else { continue };
        let attempt =
            BootInstant { ns: event.boot_ns.ns.saturating_sub(write.took_ms.saturating_mul(1_000_000)) };
        last = Some(event.boot_ns);
        if write.outcome == WriteOutcome::Acknowledged {
            let begin = begin.take().unwrap_or(attempt);
            if acknowledged && event.boot_ns.since(begin) >= WRITE_PAUSE {
                outages.push(Outage { begin, end: Some(event.boot_ns), seen_until: event.boot_ns });
            }
            acknowledged = true;
        } else if acknowledged {
            begin.get_or_insert(attempt);
        }
    }
    if let (Some(begin), Some(last)) = (begin, last)
        && last.since(begin) >= WRITE_PAUSE
    {
        outages.push(Outage { begin, end: None, seen_until: last });
    }
    outages
}
