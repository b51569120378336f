//! `report.html` of a run: one page that needs nothing else. A file a section.

mod asked;
mod cuts;
mod environment;
mod events;
mod expectations;
mod happened;
mod numbers;
mod picture;

use std::collections::BTreeSet;

use maud::Markup;

use super::{
    RunResult, Tone,
    lanes::{Lanes, lanes},
    page::{Section, figure, page},
    terminal::verdict_word,
    trace,
};
use crate::record::{Event, Zero, in_order, zero};

pub(super) use environment::facts;
pub(super) use numbers::anchor;

/// The report as a self-contained page. `events` are those that the result was judged by.
pub fn html(result: &RunResult, events: &[Event]) -> String {
    let ordered = in_order(events);
    let told = Told { result, ordered: &ordered, zero: zero(events), lanes: lanes(events) };
    let mut sections = vec![
        Section::new("picture", "The run as a picture", picture::section(&told)),
        Section::new("expectations", "Expectations", expectations::section(&told)),
        Section::new("timeline", "What happened, by time", happened::section(&told)),
        Section::new("numbers", "Numbers", numbers::section(&told)),
    ];
    if !result.cuts.is_empty() {
        sections.push(Section::new("cuts", "Cuts, and what proves them", cuts::section(&told)));
    }
    sections.push(Section::new("environment", "What it ran on", environment::section(result)));
    sections.push(Section::new("events", "The events behind it", events::section(&told)));
    let (word, _) = verdict_word(result.verdict);
    page(&format!("{}: {word}", result.scenario), &asked::header(&told), &sections)
}

/// A run, and what its sections look things up in.
struct Told<'a> {
    result: &'a RunResult,
    /// The record by the boot clock.
    ordered: &'a [&'a Event],
    zero: Option<Zero>,
    lanes: Lanes,
}

impl<'a> Told<'a> {
    /// The event behind a moment that a report names.
    fn at(&self, at_s: f64) -> Option<&'a Event> {
        trace::of_moment(self.ordered, self.zero?, &self.result.transitions, at_s)
    }

    /// Its line.
    fn line_at(&self, at_s: Option<f64>) -> Option<usize> {
        self.at(at_s?)?.line
    }

    /// Seconds of an event on the run's clock.
    fn seconds(&self, event: &Event) -> f64 {
        self.zero.map_or(0.0, |zero| zero.seconds(event.boot_ns))
    }

    /// The lines of all events that the page leads to.
    fn lines(&self) -> BTreeSet<usize> {
        let spans = self.lanes.rows.iter().flat_map(|lane| lane.spans.iter().filter_map(|span| span.line));
        let marks = self.lanes.rows.iter().flat_map(|lane| lane.marks.iter().filter_map(|mark| mark.line));
        let transitions = self.result.transitions.iter();
        let told = transitions.filter_map(|one| trace::of_transition(self.ordered, one)?.line);
        let judged = self.result.expectations.iter().filter_map(|one| self.line_at(one.at_s));
        let mut lines: BTreeSet<usize> = spans.chain(marks).chain(told).chain(judged).collect();
        lines.extend(numbers::lines(self));
        lines.extend(cuts::lines(self));
        lines.extend(happened::lines(self));
        lines
    }
}

/// The way to an event, by its line.
fn line_link(line: usize) -> Markup {
    figure(format!("line {line}"), Some(line))
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Cut => "cut",
        Tone::Bad => "bad",
        Tone::Good => "good",
        Tone::Change => "change",
        Tone::Alarm => "alarm",
        Tone::Step => "step",
    }
}
