//! The cuts: counters, and what probes prove of each edge.

use maud::{Markup, html};

use super::Told;
use crate::{
    proof::EdgeVerdict,
    record::{EdgeProbe, Event, Kind, hits},
    report::{
        CutRecord,
        page::{figure, table},
        proof,
        timeline::signed,
    },
};

pub(super) fn section(told: &Told<'_>) -> Markup {
    let at = |at_s: Option<f64>, line: Option<usize>| {
        html! { @if let Some(at_s) = at_s { (figure(format!("{} s", signed(at_s)), line)) } @else { "–" } }
    };
    let rows = html! {
        @for cut in &told.result.cuts {
            @let (first, last) = counted(told, cut);
            tr {
                th scope="row" { (cut.node) }
                td { (cut.rule) }
                td { (cut.hook) }
                td.n { (figure(cut.packets, last)) }
                td.n { (cut.bytes) }
                td.n { (at(cut.first_hit_s, first)) }
                td.n { (at(cut.last_hit_s, last)) }
            }
        }
    };
    let edges = html! {
        @for (rule, edge) in proof::rows(told.result) {
            @let class = match edge.verdict {
                EdgeVerdict::Confirmed => "good",
                EdgeVerdict::NoTraffic => "change",
                EdgeVerdict::Leaked => "bad",
            };
            tr {
                th scope="row" { (edge) }
                td class={ "nowrap " (class) } { (edge.verdict) }
                td { (rule) }
                td { (edge.why) }
            }
        }
    };
    html! {
        (table("Cuts", &["Node", "Rule", "Hook", ">Packets", ">Bytes", ">First hit", ">Last hit"], &rows))
        @if proof::rows(told.result).next().is_some() {
            h3 { "Proof of each edge" }
            p.quiet {
                "An edge is a pair of ends that a rule takes from each other. CONFIRMED: a probe met exactly the fault, and the rule "
                "counted it; NO-TRAFFIC: nothing proves it; LEAKED: something got through."
                @let probes = probes(told);
                @if let (Some(first), Some(last)) = (probes.first(), probes.last()) {
                    " Probes: " (figure(format!("line {first}"), Some(*first)))
                    @if probes.len() > 1 { " to " (figure(format!("line {last}"), Some(*last))) }
                    "."
                }
            }
            (table("Proof of each edge", &["Edge", "Verdict", "Rule", "Why"], &edges))
        }
    }
}

/// The lines of the events that told a cut's first hit on its node, and its last counters.
fn counted(told: &Told<'_>, cut: &CutRecord) -> (Option<usize>, Option<usize>) {
    let here = |event: &&&Event| {
        event.node.as_deref() == Some(cut.node.as_str()) && hits(event).iter().any(|hit| hit.cut == cut.cut)
    };
    let line = |event: &&Event| event.line;
    (told.ordered.iter().find(here).and_then(line), told.ordered.iter().rev().find(here).and_then(line))
}

fn probes(told: &Told<'_>) -> Vec<usize> {
    let probes = told.ordered.iter().filter(|event| event.kind == Kind::Probe);
    probes.filter(|event| event.after_as::<EdgeProbe>().is_some()).filter_map(|event| event.line).collect()
}

/// The events that it leads to.
pub(super) fn lines(told: &Told<'_>) -> Vec<usize> {
    let counted = told.result.cuts.iter().flat_map(|cut| {
        let (first, last) = counted(told, cut);
        [first, last]
    });
    counted.flatten().chain(probes(told)).collect()
}
