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
    let mut windows: Vec<TwoPrimaries> = Vec::new();
    let mut view = View::default();
    for event in events.iter().filter(|event| event.kind == Kind::Inside) {
        view.take(event);
        let nodes = view.writable();
        let at = event.boot_ns;
        let open = windows.last_mut().filter(|window| window.end.is_none());
        if open.as_ref().is_some_and(|window| window.nodes == nodes) {
            continue;
        }
        if let Some(window) = open {
            window.end = Some(at);
            window.seen_until = at;
        }
        if nodes.len() > 1 {
            windows.push(TwoPrimaries { nodes, begin: at, end: None, seen_until: at });
        }
    }
    if view.inside.is_empty() {
        return None;
    }
    if let (Some(window), Some(last)) = (windows.last_mut(), events.last())
        && window.end.is_none()
    {
        window.seen_until = last.boot_ns;
    }
    Some(windows)
}
