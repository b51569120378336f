//! The timeline as a table: what the picture shows, in words.

use maud::{Markup, html};

use super::{Told, class, line_link};
use crate::{
    record::{Event, Kind, StepMark},
    report::{
        Tone, line,
        page::table,
        timeline::{signed, timeline},
        trace,
    },
};

pub(super) fn section(told: &Told<'_>) -> Markup {
    let lines = timeline(told.result);
    if lines.is_empty() {
        return html! { p { "Nothing changed, as far as was recorded." } };
    }
    let behind = behind(told);
    let rows = html! {
        @for one in &lines {
            @let event = behind.iter().find(|(known, _)| known == one).and_then(|(_, event)| event.line);
            tr class=(class(one.tone)) {
                td.n { (signed(one.at_s)) " s" }
                td { span aria-hidden="true" { (one.tone.symbol()) } }
                td { (one.subject) }
                td { (one.text) }
                td.n { @if let Some(line) = event { (line_link(line)) } @else { "–" } }
            }
        }
    };
    table("What happened, by time", &[">Seconds", "", "Subject", "What happened", ">Event"], &rows)
}

/// The lines of the timeline, each with the event that it tells.
fn behind<'a>(told: &Told<'a>) -> Vec<(crate::report::Line, &'a Event)> {
    let transitions = told.result.transitions.iter();
    let mut behind: Vec<_> =
        transitions.filter_map(|one| Some((line(one), trace::of_transition(told.ordered, one)?))).collect();
    for one in timeline(told.result).into_iter().filter(|one| one.subject == "scenario") {
        let step = told.ordered.iter().copied().filter(|event| event.kind == Kind::Step).find(|event| {
            let then = (told.seconds(event) - one.at_s).abs() < 5e-4;
            then && event.after_as::<StepMark>().is_some_and(|mark| {
                (mark.phase == "end") == (one.tone != Tone::Step || mark.what != one.text)
            })
        });
        behind.extend(step.map(|step| (one, step)));
    }
    behind
}

/// The events that it leads to.
pub(super) fn lines(told: &Told<'_>) -> Vec<usize> {
    behind(told).into_iter().filter_map(|(_, event)| event.line).collect()
}
