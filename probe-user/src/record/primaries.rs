//! When more than one node would have accepted a write.

use super::{Event, Kind, View};
use crate::clock::BootInstant;

/// A time in which the same two or more nodes were writable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwoPrimaries {
    /// The nodes, by name.
    pub nodes: Vec<String>,
    /// When the last of them became writable.
    pub begin: BootInstant,
    /// When one of them no longer was; `None` where that was not seen.
    pub end: Option<BootInstant>,
    /// `end`, or the last event of the run.
    pub seen_until: BootInstant,
}

/// Every such time, in order; `None` where no node was seen from inside, so that nobody can know.
///
/// Judged by [`Inside`](super::Inside), PostgreSQL's own word over its Unix socket: not by who can reach it.
/// `events` must be in order.
pub(crate) fn two_primaries(events: &[&Event]) -> Option<Vec<TwoPrimaries>> {
    let mut writable = Writable::default();
    let mut windows: Vec<TwoPrimaries> = events.iter().filter_map(|event| writable.take(event)).collect();
    if writable.view.inside.is_empty() {
        return None;
    }
    windows.extend(writable.together.map(|window| TwoPrimaries {
        seen_until: events.last().map_or(window.seen_until, |last| last.boot_ns),
        ..window
    }));
    Some(windows)
}

/// Who is writable, followed event by event.
#[derive(Clone, Debug, Default)]
pub(super) struct Writable {
    view: View,
    /// The time that goes on.
    pub(super) together: Option<TwoPrimaries>,
}

impl Writable {
    /// Takes an event in, and gives the time that it ends. What is no [`Kind::Inside`] changes nothing.
    pub(super) fn take(&mut self, event: &Event) -> Option<TwoPrimaries> {
        if event.kind != Kind::Inside {
            return None;
        }
        self.view.take(event);
        let (at, nodes) = (event.boot_ns, self.view.writable());
        if self.together.as_ref().is_some_and(|window| window.nodes == nodes) {
            return None;
        }
        let begun = (nodes.len() > 1).then_some(TwoPrimaries { nodes, begin: at, end: None, seen_until: at });
        let ended = std::mem::replace(&mut self.together, begun)?;
        Some(TwoPrimaries { end: Some(at), seen_until: at, ..ended })
    }
}
