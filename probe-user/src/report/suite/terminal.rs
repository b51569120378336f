//! A suite's report on a terminal.

use std::fmt::Write;

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};
use owo_colors::Style;

use super::{
    ScenarioRecord, SuiteResult, SuiteVerdict,
    table::{HEADER, cells, healings, notes, sections, summary},
};
use crate::{
    report::{Paint, Tone},
    scenario::Verdict,
};

/// The whole report, wrapped to `width` columns: the table, what did not pass and why, and the end in numbers.
pub fn terminal(result: &SuiteResult, paint: Paint, width: u16) -> String {
    let mut out = String::new();
    let bold = Style::new().bold();
    let mut say = |text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", text.trim_end());
    };
    say(paint.text(&result.title, bold));
    if let Some(source) = &result.source {
        say(format!("after {source}"));
    }
    for section in sections(result) {
        say(String::new());
        if let Some(title) = section.title {
            say(paint.text(title, bold));
        }
        say(table(&section.scenarios, paint, width).to_string());
        for note in notes(&section) {
            say(paint.tone(&note, Tone::Change));
        }
    }
    for one in result.scenarios.iter().filter(|one| one.verdict != SuiteVerdict::Pass && !one.runs.is_empty())
    {
        say(String::new());
        details(one, result.repeat, paint, &mut say);
    }
    let healings = healings(result);
    if !healings.is_empty() {
        say(String::new());
        say(paint.text("The cluster between scenarios", bold));
        healings.into_iter().for_each(|line| say(format!("  {line}")));
    }
    say(String::new());
    let verdict = paint.tone(&result.verdict.to_string(), tone(result.verdict));
    let mut summary = summary(result).into_iter();
    say(format!("{verdict}  {}", summary.next().unwrap_or_default()));
    summary.for_each(|line| say(format!("  {line}")));
    out
}

/// The tone of a verdict.
pub(super) fn tone(verdict: SuiteVerdict) -> Tone {
    match verdict {
        SuiteVerdict::Pass => Tone::Good,
        SuiteVerdict::Fail | SuiteVerdict::Error => Tone::Bad,
        SuiteVerdict::Invalid | SuiteVerdict::Interrupted => Tone::Change,
        SuiteVerdict::NotRun => Tone::Step,
    }
}

fn table(scenarios: &[&ScenarioRecord], paint: Paint, width: u16) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    match paint {
        Paint::Colors => table.enforce_styling(),
        Paint::Plain => table.force_no_tty(),
    };
    table.set_header(HEADER.map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    for one in scenarios {
        let [id, test, commands, claim, measured, verdict] = cells(one).map(|lines| lines.join("\n"));
        let color = match tone(one.verdict) {
            Tone::Good => Color::Green,
            Tone::Bad => Color::Red,
            Tone::Change => Color::Yellow,
            _ => Color::DarkGrey,
        };
        let plain = [id, test, commands, claim, measured].map(Cell::new);
        table.add_row(plain.into_iter().chain([Cell::new(verdict).fg(color)]));
    }
    // What must stay in one piece; the rest shares what is left, most of it for the measurements.
    let share = |percent| ColumnConstraint::UpperBoundary(Width::Percentage(percent));
    table.set_constraints([
        ColumnConstraint::UpperBoundary(Width::Fixed(24)),
        share(20),
        share(20),
        share(25),
        share(40),
        ColumnConstraint::ContentWidth,
    ]);
    table
}

/// What was not as expected, and where to read on.
fn details(one: &ScenarioRecord, repeat: u32, paint: Paint, say: &mut impl FnMut(String)) {
    for run in one.runs.iter().filter(|run| run.verdict != SuiteVerdict::Pass) {
        let times = if repeat > 1 { format!(" (run {})", run.repetition) } else { String::new() };
        let verdict = paint.tone(&run.verdict.to_string(), tone(run.verdict));
        say(format!("{verdict} {}{times}: {}", one.id, run.reason.as_deref().unwrap_or_default()));
        for judged in run.expectations.iter().filter(|judged| judged.verdict != Verdict::Pass) {
            let (symbol, tone) = match judged.verdict {
                Verdict::Error => ("?", Tone::Change),
                _ => ("✗", Tone::Bad),
            };
            let observed = paint.tone(&judged.observed, tone);
            say(format!("  {} {} — {observed}", paint.tone(symbol, tone), judged.expected));
        }
        if let Some(directory) = &run.directory {
            say(format!("  more in {directory}/report.md"));
        }
    }
}
