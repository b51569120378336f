//! The run's zero: the moment that every `at_s` counts from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Applied, EdgeProbe, Event, HitSummary, Kind, Reverted, StepMark};
use crate::clock::BootInstant;

/// The moment that a run counts its seconds from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zero {
    /// The moment.
    pub at: BootInstant,
    /// What happened then.
    pub from: ZeroFrom,
}

/// What a run's zero is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZeroFrom {
    /// The first packet that a cut hit; one of netsplit's own probes only if it hit nothing else.
    Hit,
    /// No packet was hit: the first cut came into force.
    Applied,
    /// No cut was applied: the first action on the cluster began.
    Action,
    /// Neither: the first event.
    Start,
}

impl Zero {
    /// Seconds from the zero to `at`, to the millisecond; negative before it.
    pub fn seconds(self, at: BootInstant) -> f64 {
        (at.seconds_after(self.at) * 1e3).round() / 1e3
    }
}

/// The run's zero: the first packet hit, else the first cut in force, else the first action on the cluster, else
/// the first event.
///
/// `None` only where there are no events at all. The order of `events` does not matter.
pub fn zero(events: &[Event]) -> Option<Zero> {
    let hit =
        first_of_others(events).or_else(|| events.iter().flat_map(hits).filter_map(|hit| hit.first).min());
    let applied = || {
        events
            .iter()
            .filter(|event| event.kind == Kind::Applied && event.after_as::<Applied>().is_some())
            .map(|event| event.boot_ns)
            .min()
    };
    let start = || events.iter().map(|event| event.boot_ns).min();
    hit.map(|at| Zero { at, from: ZeroFrom::Hit })
        .or_else(|| applied().map(|at| Zero { at, from: ZeroFrom::Applied }))
        .or_else(|| first_action(events).map(|at| Zero { at, from: ZeroFrom::Action }))
        .or_else(|| start().map(|at| Zero { at, from: ZeroFrom::Start }))
}

/// The first hit that no probe of netsplit's own can have been.
///
/// A rule's counters keep its first hit, which is another's if it came before any probe of the cut. If not, they say so
/// themselves once there are more hits than the probes can have caused: then the last one of those, at most a second
/// after the first.
fn first_of_others(events: &[Event]) -> Option<BootInstant> {
    let probes = own_probes(&in_order(events));
    let mut counted: Vec<HitSummary> = events.iter().flat_map(hits).collect();
    counted.sort_by_key(|hit| hit.last);
    let of_others = counted.iter().filter_map(|hit| {
        let of_cut = || probes.iter().filter(|probe| probe.cut == hit.cut);
        let own: u64 = of_cut().map(|probe| probe.own_hits).sum();
        let before = of_cut().all(|probe| hit.first.is_some_and(|first| first < probe.began));
        if before { hit.first } else { hit.last.filter(|_| hit.packets > own) }
    });
    of_others.min()
}

/// What probes of netsplit's own met, in order.
pub(crate) fn own_probes(ordered: &[&Event]) -> Vec<EdgeProbe> {
    ordered.iter().filter(|event| event.kind == Kind::Probe).filter_map(|event| event.after_as()).collect()
}

/// When the first action on the cluster began.
pub(crate) fn first_action(events: &[Event]) -> Option<BootInstant> {
    let marks = events.iter().filter(|event| event.kind == Kind::Step);
    marks.filter_map(|event| event.after_as::<StepMark>()?.action).map(|action| action.began).min()
}

/// The counters that an event carries: those of a hit, and the last ones of a cut that was reverted.
pub(crate) fn hits(event: &Event) -> Vec<HitSummary> {
    let summaries = match event.kind {
        Kind::Hit => event.after_as::<HitSummary>().into_iter().collect(),
        Kind::Reverted => event.after_as::<Reverted>().map(|reverted| reverted.rules).unwrap_or_default(),
        _ => Vec::new(),
    };
    summaries.into_iter().filter(|summary: &HitSummary| summary.packets > 0).collect()
}

/// Events by the boot clock. Observers run side by side, so the recorder's order is only nearly that.
pub(crate) fn in_order(events: &[Event]) -> Vec<&Event> {
    let mut ordered: Vec<&Event> = events.iter().collect();
    ordered.sort_by_key(|event| event.boot_ns);
    ordered
}
