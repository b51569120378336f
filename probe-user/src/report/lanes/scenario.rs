//! What the scenario did: its steps, and its actions on the cluster.

use super::{Band, BandKind, DONE, Lane, Record, Span, State};
use crate::{
    record::{Event, Kind, StepMark},
    report::END_OF_RUN,
};

pub(super) const STEPS: &str = "Steps";

fn marks<'e>(record: &Record<'e>) -> impl Iterator<Item = (&'e Event, StepMark)> {
    record.of(Kind::Step).filter_map(|event| Some((event, event.after_as()?)))
}

/// One lane with a span for each step; a step that never ended lasts until the next or the end of the record.
pub(super) fn lanes(record: &Record<'_>) -> Vec<Lane> {
    let mut spans: Vec<Span> = Vec::new();
    let mut open = None;
    for (event, mark) in marks(record).filter(|(_, mark)| mark.what != END_OF_RUN) {
        let at_s = record.at(event);
        if mark.phase == "begin" {
            if let Some(last) = spans.last_mut().filter(|_| open.is_some()) {
                last.to_s = at_s;
            }
            open = Some(mark.index);
            let (words, line) = (mark.what, event.line);
            spans.push(Span { from_s: at_s, to_s: at_s, state: State::Step, words, line });
        } else if let Some(last) = spans.last_mut().filter(|_| open == Some(mark.index)) {
            last.to_s = at_s;
            open = None;
            if let Some(error) = mark.error {
                last.state = State::Bad;
                last.words = format!("{}: {error}", last.words);
            }
        }
    }
    if let Some(last) = spans.last_mut().filter(|_| open.is_some()) {
        last.to_s = record.end_s();
    }
    let lane = Lane { group: DONE.to_owned(), name: STEPS.to_owned(), spans, ..Lane::default() };
    (!lane.spans.is_empty()).then_some(lane).into_iter().collect()
}

/// Actions on the cluster, such as a killed server: from when each began until it was done.
pub(super) fn bands(record: &Record<'_>) -> Vec<Band> {
    let done = marks(record).filter_map(|(event, mark)| Some((event, mark.action?, mark.what)));
    done.map(|(event, action, what)| Band {
        from_s: record.zero.seconds(action.began),
        to_s: record.at(event),
        kind: BandKind::Action,
        words: action.node.map_or(what.clone(), |node| format!("{what} ({node})")),
    })
    .collect()
}
