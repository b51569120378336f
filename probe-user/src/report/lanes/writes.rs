//! What a client went through: writes by their outcome, and the times in which none was acknowledged.

use super::{Bin, CLIENTS, Lane, Plot, Record, Span, State};
use crate::{
    clock::BootInstant,
    record::{ClientWrite, Event, Kind, WriteOutcome, outages},
};

pub(super) const WRITES: &str = "Writes";

/// The shortest interval that writes are counted by, and how many intervals a picture has room for.
const SHORTEST_BIN_S: f64 = 0.5;
const MOST_BINS: f64 = 400.0;

/// One lane, where a client wrote.
pub(super) fn lanes(record: &Record<'_>) -> Vec<Lane> {
    let writes: Vec<(&Event, ClientWrite)> =
        record.of(Kind::Write).filter_map(|event| Some((event, event.after_as()?))).collect();
    let (Some((first, _)), Some((last, _))) = (writes.first(), writes.last()) else { return Vec::new() };
    let mut spans = Vec::new();
    let mut from = first.boot_ns;
    for outage in outages(record.events) {
        spans.extend(served(record, &writes, from, outage.begin));
        let attempts = counted(&writes, outage.begin, outage.seen_until);
        let open = if outage.end.is_none() { ", and none until the end" } else { "" };
        let met = others(attempts);
        spans.push(Span {
            from_s: record.zero.seconds(outage.begin),
            to_s: record.zero.seconds(outage.seen_until),
            state: State::Bad,
            words: format!("no write for {:.1} s{open}{met}", outage.length().as_secs_f64()),
            line: writes.iter().find(|(event, _)| event.boot_ns >= outage.begin).and_then(|one| one.0.line),
        });
        from = outage.seen_until;
    }
    spans.extend(served(record, &writes, from, last.boot_ns));
    let plot = Plot::Writes(bins(record, &writes));
    vec![Lane { group: CLIENTS.to_owned(), name: WRITES.to_owned(), spans, plot, ..Lane::default() }]
}

/// The span between two outages.
fn served(
    record: &Record<'_>,
    writes: &[(&Event, ClientWrite)],
    from: BootInstant,
    to: BootInstant,
) -> Option<Span> {
    let count = counted(writes, from, to);
    let line = writes.iter().find(|(event, _)| event.boot_ns >= from).and_then(|(event, _)| event.line);
    let (from_s, to_s) = (record.zero.seconds(from), record.zero.seconds(to));
    (to_s > from_s).then(|| Span {
        from_s,
        to_s,
        state: State::Well,
        words: format!("{} writes acknowledged{}", count.acknowledged, others(count)),
        line,
    })
}

/// What else became of writes.
fn others(count: Bin) -> String {
    let mut words = String::new();
    for (number, word) in [(count.failed, "failed"), (count.unknown, "of unknown fate")] {
        if number > 0 {
            words.extend([", ", &number.to_string(), " ", word]);
        }
    }
    words
}

/// The writes that ended from `from` to `to`.
fn counted(writes: &[(&Event, ClientWrite)], from: BootInstant, to: BootInstant) -> Bin {
    let mut bin = Bin::default();
    for (_, write) in writes.iter().filter(|(event, _)| event.boot_ns >= from && event.boot_ns <= to) {
        bin.add(write);
    }
    bin
}

fn bins(record: &Record<'_>, writes: &[(&Event, ClientWrite)]) -> Vec<Bin> {
    let at = |index: usize| writes.get(index).map_or(0.0, |(event, _)| record.at(event));
    let (begin, end) = (at(0), at(writes.len() - 1));
    // Round intervals, so that one begins at the zero.
    let width = ((end - begin) / MOST_BINS / SHORTEST_BIN_S).ceil().max(1.0) * SHORTEST_BIN_S;
    let mut bins: Vec<Bin> = Vec::new();
    for (event, write) in writes {
        let from_s = (record.at(event) / width).floor() * width;
        if bins.last().is_none_or(|last| last.from_s < from_s) {
            bins.push(Bin { from_s, to_s: from_s + width, ..Bin::default() });
        }
        if let Some(bin) = bins.last_mut() {
            bin.add(write);
        }
    }
    bins
}

impl Bin {
    fn add(&mut self, write: &ClientWrite) {
        match write.outcome {
            WriteOutcome::Acknowledged => self.acknowledged += 1,
            WriteOutcome::Failed => self.failed += 1,
            WriteOutcome::Unknown => self.unknown += 1,
        }
    }
}
