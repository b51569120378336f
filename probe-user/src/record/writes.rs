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
    let mut pace = Pace::default();
    let mut outages: Vec<Outage> = events.iter().filter_map(|event| pace.take(event)).collect();
    outages.extend(pace.outage());
    outages
}

/// The client's writes, followed one by one.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    acknowledged: bool,
    /// When the first attempt began that was not acknowledged since.
    begin: Option<BootInstant>,
    last: Option<BootInstant>,
}

impl Pace {
    /// Takes a write in, and gives the outage that it ends. Events of other kinds change nothing.
    pub(super) fn take(&mut self, event: &Event) -> Option<Outage> {
        if event.kind != Kind::Write {
            return None;
        }
        let write = event.after_as::<ClientWrite>()?;
        let end = event.boot_ns;
        let attempt = BootInstant { ns: end.ns.saturating_sub(write.took_ms.saturating_mul(1_000_000)) };
        self.last = Some(end);
        if write.outcome == WriteOutcome::Acknowledged {
            let begin = self.begin.take().unwrap_or(attempt);
            let known = std::mem::replace(&mut self.acknowledged, true);
            let ended = known && end.since(begin) >= WRITE_PAUSE;
            return ended.then_some(Outage { begin, end: Some(end), seen_until: end });
        }
        if self.acknowledged {
            self.begin.get_or_insert(attempt);
        }
        None
    }

    /// The outage that goes on, as far as it was seen.
    pub(super) fn outage(&self) -> Option<Outage> {
        let (begin, last) = (self.begin?, self.last?);
        (last.since(begin) >= WRITE_PAUSE).then_some(Outage { begin, end: None, seen_until: last })
    }
}
