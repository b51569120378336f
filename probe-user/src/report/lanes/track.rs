//! A lane in the making: one sight after another.

use super::{Lane, Record, Span, State};
use crate::record::Event;

/// Collects what a thing was; the same words again go on with the span.
pub(super) struct Track {
    lane: Lane,
}

impl Track {
    pub(super) fn new(group: &str, name: &str) -> Self {
        Self { lane: Lane { group: group.to_owned(), name: name.to_owned(), ..Lane::default() } }
    }

    /// From this event on it is this.
    pub(super) fn see(&mut self, record: &Record<'_>, event: &Event, state: State, words: String) {
        self.see_since(record.at(event), event, state, words);
    }

    /// The same, since a moment that may lie before the event: not before what was seen last.
    pub(super) fn see_since(&mut self, at_s: f64, event: &Event, state: State, words: String) {
        let at_s = self.lane.spans.last().map_or(at_s, |last| at_s.max(last.from_s));
        if let Some(open) = self.lane.spans.last_mut() {
            open.to_s = at_s;
            if open.state == state && open.words == words {
                return;
            }
        }
        self.lane.spans.push(Span { from_s: at_s, to_s: at_s, state, words, line: event.line });
    }

    /// From this event on nothing is known or worth a span, until the next sight.
    pub(super) fn leave(&mut self, record: &Record<'_>, event: &Event) {
        self.end(record.at(event));
        self.lane.spans.push(Span {
            from_s: record.at(event),
            to_s: record.at(event),
            state: State::Gone,
            words: String::new(),
            line: None,
        });
    }

    fn end(&mut self, at_s: f64) {
        if let Some(open) = self.lane.spans.last_mut() {
            open.to_s = at_s;
        }
    }

    /// The lane, its last span until the end of the record; `None` where nothing was seen.
    pub(super) fn lane(mut self, record: &Record<'_>) -> Option<Lane> {
        self.end(record.end_s());
        self.lane.spans.retain(|span| !span.words.is_empty());
        (!self.lane.spans.is_empty()).then_some(self.lane)
    }
}
