//! Events → lanes: what each thing that was watched was, from when to when, for a picture that a person reads.
//!
//! Pure, and without a word on how it looks: [`page`](super::page) draws it. A file a family; [`lanes`] puts the
//! families together, in the order that a reader asks in: what was done, what became of the cluster, what clients saw,
//! what each node was. Seconds count from the run's [zero](crate::record::zero), so that the lanes of several runs are
//! aligned at their first packet hit.

mod cluster;
mod cut;
mod marks;
mod model;
mod node;
mod scenario;
#[cfg(test)]
mod tests;
mod track;
mod writes;

pub(crate) use cluster::LEADER;
pub(crate) use model::{Band, BandKind, Bin, Lane, Lanes, Mark, Plot, Point, Span, State};
pub(crate) use node::SESSION;

use crate::record::{Environment, Event, Kind, View, Zero, in_order, transitions, zero};

/// The group of the lane that tells the scenario's steps, and of those of the cuts.
pub(crate) const DONE: &str = "What was done";
/// What the name of a cut's lane begins with; the node follows.
pub(crate) const CUT_OF: &str = "Cut of ";
/// The group of the lanes of the cluster as a whole.
pub(crate) const CLUSTER: &str = "Cluster";
/// The group of the clients' lane.
pub(crate) const CLIENTS: &str = "Clients";

/// The lanes of a run. Without events there are none.
pub(crate) fn lanes(events: &[Event]) -> Lanes {
    let Some(zero) = zero(events) else { return Lanes::default() };
    let ordered = in_order(events);
    let record = Record { zero, events: &ordered };
    let mut rows = scenario::lanes(&record);
    rows.extend(cut::lanes(&record));
    rows.extend(cluster::lanes(&record));
    rows.extend(writes::lanes(&record));
    for node in nodes(&ordered) {
        rows.extend(node::lanes(&record, &node));
    }
    let (mut from_s, mut to_s) = (record.begin_s(), record.end_s());
    for span in rows.iter().flat_map(|lane| &lane.spans) {
        (from_s, to_s) = (from_s.min(span.from_s), to_s.max(span.to_s));
    }
    let mut bands = cut::bands(&record);
    bands.extend(scenario::bands(&record));
    bands.extend(cluster::bands(&record));
    marks::place(&mut rows, &record, &transitions(events));
    Lanes { rows, bands, from_s, to_s }
}

/// A run's events by the boot clock, and what they count from.
struct Record<'e> {
    zero: Zero,
    events: &'e [&'e Event],
}

impl<'e> Record<'e> {
    fn of(&self, kind: Kind) -> impl Iterator<Item = &'e Event> {
        self.events.iter().copied().filter(move |event| event.kind == kind)
    }

    fn at(&self, event: &Event) -> f64 {
        self.zero.seconds(event.boot_ns)
    }

    fn begin_s(&self) -> f64 {
        self.events.first().map_or(0.0, |event| self.at(event))
    }

    fn end_s(&self) -> f64 {
        self.events.last().map_or(0.0, |event| self.at(event))
    }
}

/// The nodes: as the inventory has them, and whoever else was seen from inside or outside.
fn nodes(ordered: &[&Event]) -> Vec<String> {
    let environment: Option<Environment> =
        ordered.iter().find(|event| event.kind == Kind::Environment).and_then(|event| event.after_as());
    let mut nodes = environment.map(|environment| environment.nodes).unwrap_or_default();
    for event in ordered.iter().filter(|event| event.kind != Kind::Cluster && View::holds(event.kind)) {
        if let Some(node) = event.node.as_ref().filter(|node| !nodes.contains(node)) {
            nodes.push(node.clone());
        }
    }
    nodes
}
