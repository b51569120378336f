//! How the client's writes go.

use std::{collections::VecDeque, time::Duration};

use crate::{
    clock::BootInstant,
    record::{ClientWrite, Event, WRITE_PAUSE, WriteOutcome},
};

/// The time that the rate is of.
const WINDOW: Duration = Duration::from_secs(5);

/// What is known of the writes; memory for a window only.
#[derive(Clone, Debug, Default)]
pub(super) struct Writes {
    pub(super) acknowledged: u64,
    pub(super) failed: u64,
    pub(super) unknown: u64,
    /// The last acknowledgement.
    pub(super) last: Option<BootInstant>,
    /// How long that write took.
    pub(super) took: Duration,
    /// Why the last write failed, if it did.
    pub(super) error: Option<String>,
    recent: VecDeque<BootInstant>,
}

impl Writes {
    pub(super) fn take(&mut self, event: &Event) {
        let Some(write) = event.after_as::<ClientWrite>() else { return };
        match write.outcome {
            WriteOutcome::Acknowledged => {
                self.acknowledged += 1;
                self.last = Some(event.boot_ns);
                self.took = Duration::from_millis(write.took_ms);
                self.recent.push_back(event.boot_ns);
            }
            WriteOutcome::Failed => self.failed += 1,
            WriteOutcome::Unknown => self.unknown += 1,
        }
        self.error = write.error;
        while self.recent.front().is_some_and(|first| event.boot_ns.since(*first) > WINDOW) {
            self.recent.pop_front();
        }
    }

    /// How long none was acknowledged, once that is worth a word.
    pub(super) fn stopped(&self, now: BootInstant) -> Option<Duration> {
        let pause = now.since(self.last?);
        (pause >= WRITE_PAUSE).then_some(pause)
    }

    /// Acknowledged in a second.
    #[expect(clippy::cast_precision_loss, reason = "some dozens")]
    pub(super) fn rate(&self, now: BootInstant) -> f64 {
        let recent = self.recent.iter().filter(|at| now.since(**at) <= WINDOW).count();
        recent as f64 / WINDOW.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::story::{Story, boot};

    #[test]
    fn rate_and_pause() {
        let mut writes = Writes::default();
        let story = Story::default().writing(0.0, 1000.0);
        for event in &story.events {
            writes.take(event);
        }
        assert!(writes.recent.len() < 20, "{}", writes.recent.len());
        assert!((writes.rate(boot(1000.0)) - 2.0).abs() < 0.3, "{}", writes.rate(boot(1000.0)));
        assert_eq!(writes.stopped(boot(1000.0)), None);
        for event in &story.write(1002.0, 2.0, "unknown").events[2000..] {
            writes.take(event);
        }
        assert_eq!((writes.acknowledged, writes.failed, writes.unknown), (2000, 0, 1));
        assert_eq!(writes.stopped(boot(1004.5)), Some(Duration::from_secs(5)));
        assert!(writes.rate(boot(1010.0)) < 0.1);
    }
}
