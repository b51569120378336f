//! The metrics, each with the events behind it.

use maud::{Markup, html};

use super::{Told, line_link};
use crate::{
    record::{ClientWrite, Event, Kind, What, WriteOutcome},
    report::{
        page::{figure, table},
        timeline::rows,
        trace,
    },
};

pub(super) fn section(told: &Told<'_>) -> Markup {
    let rows = html! {
        @for (name, value) in rows(told.result) {
            @let behind = behind(told, name);
            tr id=(anchor(name)) {
                th scope="row" { (name) }
                td.n { (figure(&value, behind.first().and_then(|event| event.line))) }
                td { (said(&behind)) }
            }
        }
    };
    html! {
        p.quiet { "Seconds count from the zero of the picture; what did not happen, or could not be seen, is «–»." }
        (table("Numbers", &["Number", ">Value", "Events behind it"], &rows))
    }
}

/// Where a number stands on the page, by its name in [`rows`].
pub(crate) fn anchor(name: &str) -> String {
    format!("number-{}", name.to_lowercase().replace(' ', "-").replace('\'', ""))
}

/// Which events: each, or the first, the last and how many.
fn said(events: &[&Event]) -> Markup {
    let link = |event: &Event| {
        html! { @if let Some(line) = event.line { (line_link(line)) } }
    };
    html! {
        @match events {
            [] => { "–" }
            [one] => (link(one)),
            [one, other] => { (link(one)) ", " (link(other)) }
            [first, .., last] => { (link(first)) " to " (link(last)) ", " (events.len()) " events of the kind " (kind(first)) }
        }
    }
}

fn kind(event: &Event) -> String {
    event.kind_in_words()
}

/// The events that a number follows from, by its name in [`rows`].
fn behind<'a>(told: &Told<'a>, name: &str) -> Vec<&'a Event> {
    let metrics = &told.result.metrics;
    let moment = |at_s: Option<f64>| at_s.and_then(|at_s| told.at(at_s)).into_iter();
    let all = |kind: Kind| told.ordered.iter().copied().filter(move |event| event.kind == kind);
    let writes = |outcome: WriteOutcome| {
        all(Kind::Write)
            .filter(move |event| {
                event.after_as::<ClientWrite>().is_some_and(|write| write.outcome == outcome)
            })
            .collect()
    };
    let told_by = |wanted: &[What]| {
        let changes = told.result.transitions.iter().filter(|one| wanted.contains(&one.what));
        changes.filter_map(|one| trace::of_transition(told.ordered, one)).collect::<Vec<_>>()
    };
    match name {
        "cluster reacted" => moment(metrics.detection_s).collect(),
        "leader lost" => moment(metrics.leader_lost_s).collect(),
        "new leader" => moment(metrics.new_leader_s).collect(),
        "writes stopped" => moment(metrics.writes_stopped_s).collect(),
        "first write back" => moment(metrics.writes_back_s).collect(),
        "longest without writes" if metrics.write_outage_longest_s.is_some() => longest_outage(told),
        "node out of service" => moment(metrics.member_lost_s).collect(),
        "node back in service" => moment(metrics.member_back_s).collect(),
        "node back after revert" if metrics.member_back_after_revert_s.is_some() => {
            let last = told.ordered.iter().rev().copied().find(|event| event.kind == Kind::Reverted);
            last.into_iter().chain(moment(metrics.member_back_s)).collect()
        }
        "a standby's stream broke" => moment(metrics.streaming_lost_s).collect(),
        "an open session hung" if metrics.clients.session_hung_s.is_some() => {
            all(Kind::OpenSession).collect()
        }
        "open sessions ended" if metrics.clients.sessions_ended.is_some() => all(Kind::OpenSession).collect(),
        "new connections met" => all(Kind::Port).collect(),
        "REST API requests met" => all(Kind::Rest).collect(),
        "two writable primaries" => told_by(&[What::TwoPrimariesBegin, What::TwoPrimariesEnd]),
        "writes acknowledged" => writes(WriteOutcome::Acknowledged),
        "write attempts failed" => writes(WriteOutcome::Failed),
        "writes of unknown fate" => writes(WriteOutcome::Unknown),
        "acknowledged writes lost" if metrics.writes_lost.is_some() => all(Kind::RowsFound).collect(),
        "writes duplicated" if metrics.writes_duplicated.is_some() => all(Kind::RowsFound).collect(),
        "WAL timeline" => told_by(&[What::TimelineGrew]),
        _ => Vec::new(),
    }
}

fn longest_outage<'a>(told: &Told<'a>) -> Vec<&'a Event> {
    let stops = told.result.transitions.iter().filter(|one| one.what == What::WritesStopped);
    let end = |from: f64| {
        let back = told.result.transitions.iter().find(|one| one.what == What::WritesBack && one.at_s > from);
        back.map(|back| (back.at_s, back))
    };
    let longest = stops.max_by(|one, other| {
        let length = |at_s: f64| end(at_s).map_or(f64::INFINITY, |(to_s, _)| to_s - at_s);
        length(one.at_s).total_cmp(&length(other.at_s))
    });
    let Some(stop) = longest else { return Vec::new() };
    let ends = [Some(stop), end(stop.at_s).map(|(_, back)| back)];
    ends.into_iter().flatten().filter_map(|one| trace::of_transition(told.ordered, one)).collect()
}

/// The events that it leads to.
pub(super) fn lines(told: &Told<'_>) -> Vec<usize> {
    let lines = rows(told.result).into_iter().flat_map(|(name, _)| {
        let events = behind(told, name);
        let ends = [events.first().copied(), events.last().copied()];
        // Of two, both are named; of many, the first and the last.
        ends.into_iter().flatten().filter_map(|event| event.line)
    });
    lines.collect()
}
