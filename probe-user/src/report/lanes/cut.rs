//! The cuts: when each was in force on a node, and how many packets it had hit by when.

use std::collections::BTreeMap;

use super::{Band, BandKind, CUT_OF, DONE, Lane, Plot, Point, Record, Span, State};
use crate::{
    clock::BootInstant,
    record::{Applied, Event, HitSummary, Kind, Reverted, hits, rule_in_words},
};

/// More points than a picture has room for are thinned out to about so many.
const MOST_POINTS: usize = 400;

/// Where a cut was enforced.
struct Enforced<'e> {
    event: &'e Event,
    applied: Applied,
    node: &'e str,
    /// How it ended: when, and by which event. `None` at the end of the record.
    end: Option<BootInstant>,
}

fn enforced<'e>(record: &Record<'e>) -> Vec<Enforced<'e>> {
    let begun = record.of(Kind::Applied).filter_map(|event| Some((event, event.after_as::<Applied>()?)));
    begun
        .map(|(event, applied)| {
            let node = event.node.as_deref().unwrap_or("cluster");
            let reverts = record.of(Kind::Reverted).filter(|revert| revert.node == event.node);
            let mut reverts = reverts.filter(|revert| revert.boot_ns >= event.boot_ns);
            let same = |revert: &&Event| {
                revert.after_as::<Reverted>().is_some_and(|reverted| reverted.cut == applied.cut)
            };
            let end = reverts.find(same).map(|revert| revert.boot_ns);
            Enforced { event, applied, node, end }
        })
        .collect()
}

impl Enforced<'_> {
    /// Its end: that which was recorded, else its lease, as far as the record goes.
    fn to_s(&self, record: &Record<'_>) -> f64 {
        let lease = record.zero.seconds(self.applied.deadline);
        self.end.map_or_else(|| lease.min(record.end_s()), |end| record.zero.seconds(end))
    }

    fn words(&self) -> String {
        let rules: Vec<String> = self.applied.rules.iter().map(rule_in_words).collect();
        rules.join("; ")
    }
}

/// One lane a cut and node.
pub(super) fn lanes(record: &Record<'_>) -> Vec<Lane> {
    let all = enforced(record);
    let lane = |one: &Enforced<'_>| {
        let from_s = record.at(one.event);
        let to_s = one.to_s(record).max(from_s);
        let span = Span { from_s, to_s, state: State::Cut, words: one.words(), line: one.event.line };
        let ends = |points: &[Point]| points.last().map_or(to_s, |last| last.at_s.max(to_s));
        let mut points = counted(record, &one.applied.cut, one.node);
        if let Some(last) = points.last().copied() {
            points.push(Point { at_s: ends(&points), ..last });
        }
        Lane {
            group: DONE.to_owned(),
            name: format!("{CUT_OF}{}", one.node),
            spans: vec![span],
            plot: Plot::Counter(thinned(points)),
            ..Lane::default()
        }
    };
    all.iter().map(lane).collect()
}

/// When each cut was in force anywhere.
pub(super) fn bands(record: &Record<'_>) -> Vec<Band> {
    let mut bands: BTreeMap<String, Band> = BTreeMap::new();
    for one in enforced(record) {
        let from_s = record.at(one.event);
        let to_s = one.to_s(record).max(from_s);
        let words = format!("cut in force: {}", one.words());
        let fresh = Band { from_s, to_s, kind: BandKind::Cut, words };
        let band = bands.entry(one.applied.cut).or_insert(fresh);
        (band.from_s, band.to_s) = (band.from_s.min(from_s), band.to_s.max(to_s));
    }
    bands.into_values().collect()
}

/// The packets that a cut had hit on a node, all its rules together.
fn counted(record: &Record<'_>, cut: &str, node: &str) -> Vec<Point> {
    let mut rules: BTreeMap<usize, HitSummary> = BTreeMap::new();
    let mut points: Vec<Point> = Vec::new();
    let here = record.events.iter().filter(|event| event.node.as_deref() == Some(node));
    for event in here {
        let of_cut: Vec<_> = hits(event).into_iter().filter(|hit| hit.cut == cut).collect();
        if of_cut.is_empty() {
            continue;
        }
        for hit in of_cut {
            let first = hit.first.map(|at| record.zero.seconds(at));
            if let Some(at_s) = first.filter(|_| points.is_empty()) {
                points.push(Point { at_s, count: 0 });
            }
            let known = rules.entry(hit.rule).or_insert_with(|| hit.clone());
            if hit.packets >= known.packets {
                *known = hit;
            }
        }
        let count = rules.values().map(|hit| hit.packets).sum();
        // Counters are read a while after what they counted.
        let last = rules.values().filter_map(|hit| hit.last).max();
        let at_s = last.map_or_else(|| record.at(event), |last| record.zero.seconds(last));
        points.push(Point { at_s: points.last().map_or(at_s, |last| last.at_s.max(at_s)), count });
    }
    points
}

/// Every so many of the points, the last one always.
fn thinned(points: Vec<Point>) -> Vec<Point> {
    let step = points.len().div_ceil(MOST_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    points
        .into_iter()
        .enumerate()
        .filter(|(index, _)| index % step == 0 || *index == last)
        .map(|(_, point)| point)
        .collect()
}
