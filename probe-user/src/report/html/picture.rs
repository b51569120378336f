//! The picture, with a pin for the moment that decided each expectation.

use maud::Markup;

use super::Told;
use crate::{
    record::ZeroFrom,
    report::page::{Chart, Panel, Pin, chart},
};

pub(super) fn section(told: &Told<'_>) -> Markup {
    let judged = told.result.expectations.iter().enumerate();
    let pins = judged.filter_map(|(index, one)| {
        let words = one.name.replace('-', " ");
        Some(Pin { id: pin(index), at_s: one.at_s?, words })
    });
    let panel = Panel { lanes: told.lanes.clone(), pins: pins.collect(), ..Panel::default() };
    chart(&Chart {
        id: "chart",
        label: "Lanes of the cluster over time; the same stands in the tables below",
        zero: match told.result.metrics.zero {
            Some(ZeroFrom::Hit) => "0 s is the first packet that the cut hit.",
            Some(ZeroFrom::Applied) => "0 s is when the cut came into force; it hit no packet.",
            Some(ZeroFrom::Action) => "0 s is when the first action on the cluster began.",
            Some(ZeroFrom::Start) | None => "0 s is the first event.",
        },
        panels: &[panel],
    })
}

/// What links call the moment that decided an expectation.
pub(super) fn pin(index: usize) -> String {
    format!("decided-{}", index + 1)
}
