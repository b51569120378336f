//! The report on a terminal.

use std::fmt::Write;

use owo_colors::{OwoColorize, Style};

use super::{
    RunResult, RunVerdict, Tone,
    deviation::deviations,
    proof,
    timeline::{rows, signed, timeline, warning},
};
use crate::{proof::EdgeVerdict, scenario::Verdict};

/// Whether to color.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// With ANSI colors.
    Colors,
    /// Nothing but text.
    Plain,
}

impl Paint {
    /// The text in this style, if there are styles at all.
    pub fn text(self, text: &str, style: Style) -> String {
        match self {
            Self::Colors => text.style(style).to_string(),
            Self::Plain => text.to_owned(),
        }
    }

    /// The text as a line of this tone has it.
    pub fn tone(self, text: &str, tone: Tone) -> String {
        let style = Style::new();
        self.text(
            text,
            match tone {
                Tone::Cut => style.magenta().bold(),
                Tone::Bad => style.red(),
                Tone::Good => style.green(),
                Tone::Change => style.yellow(),
                Tone::Alarm => style.white().on_red().bold(),
                Tone::Step => style.dimmed(),
            },
        )
    }
}

/// The whole report: timeline, warning, expectations, numbers, verdict.
pub fn terminal(result: &RunResult, paint: Paint) -> String {
    let mut out = String::new();
    let bold = Style::new().bold();
    let dim = Style::new().dimmed();
    let mut say = |text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", text.trim_end());
    };
    say(format!("{}  {}", paint.text(&result.scenario, bold), result.title));
    say(String::new());
    let lines = timeline(result);
    let width = lines.iter().map(|line| line.subject.chars().count()).max().unwrap_or(0);
    for line in &lines {
        let at = paint.text(&format!("{:>8}", signed(line.at_s)), dim);
        let symbol = paint.tone(line.tone.symbol(), line.tone);
        let text = match line.tone {
            Tone::Alarm | Tone::Step | Tone::Cut => paint.tone(&line.text, line.tone),
            _ => line.text.clone(),
        };
        say(format!("{at} s  {symbol} {:width$}  {text}", line.subject));
    }
    let warning = warning(result);
    if let Some((head, rest)) = warning.split_first() {
        let width = warning.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        let bar = "━".repeat(width + 4);
        say(String::new());
        say(paint.tone(&bar, Tone::Alarm));
        say(paint.tone(&format!("‼ {head:width$} ‼"), Tone::Alarm));
        for line in rest {
            say(paint.tone(&format!("  {line:width$}  "), Tone::Alarm));
        }
        say(paint.tone(&bar, Tone::Alarm));
    }
    if let Some(document) = &result.document {
        say(String::new());
        say(format!("{}  {document}", paint.text("The procedure says", bold)));
    }
    for sentence in deviations(result) {
        say(String::new());
        say(paint.tone(&sentence, Tone::Change));
    }
    if !result.expectations.is_empty() {
        say(String::new());
        say(paint.text("Expectations", bold));
    }
    for one in &result.expectations {
        let (symbol, tone) = match one.verdict {
            Verdict::Pass => ("✓", Tone::Good),
            Verdict::Fail => ("✗", Tone::Bad),
            Verdict::Error => ("?", Tone::Change),
        };
        say(format!("  {} {} — {}", paint.tone(symbol, tone), one.expected, paint.tone(&one.observed, tone)));
    }
    say(String::new());
    say(paint.text("Numbers", bold));
    for (name, value) in rows(result) {
        say(format!("  {name:25} {value:>10}"));
    }
    for cut in &result.cuts {
        let hook = if cut.hook.is_empty() { &cut.backend } else { &cut.hook };
        say(format!("  {} on {}: {} packets, {} bytes ({hook})", cut.rule, cut.node, cut.packets, cut.bytes));
    }
    if proof::rows(result).next().is_some() {
        say(String::new());
        say(paint.text("Proof", bold));
    }
    for (_, edge) in proof::rows(result) {
        let verdict = paint.tone(&format!("{:10}", edge.verdict), verdict_tone(edge.verdict));
        say(format!("  {verdict} {edge}: {}", edge.why));
    }
    if !result.troubles.is_empty() {
        say(String::new());
        say(paint
            .tone(&format!("Observers met trouble {} times, first:", result.troubles.len()), Tone::Change));
        say(format!("  {}", result.troubles[0]));
    }
    say(String::new());
    let (word, tone) = verdict_word(result.verdict);
    let reason = result.reason.as_ref().map(|reason| format!("  {reason}")).unwrap_or_default();
    say(format!("{}{reason}", paint.tone(word, tone)));
    out
}

fn verdict_tone(verdict: EdgeVerdict) -> Tone {
    match verdict {
        EdgeVerdict::Confirmed => Tone::Good,
        EdgeVerdict::NoTraffic => Tone::Change,
        EdgeVerdict::Leaked => Tone::Bad,
    }
}

pub(super) fn verdict_word(verdict: RunVerdict) -> (&'static str, Tone) {
    match verdict {
        RunVerdict::Pass => ("PASS", Tone::Good),
        RunVerdict::Fail => ("FAIL", Tone::Bad),
        RunVerdict::Invalid => ("INVALID", Tone::Change),
        RunVerdict::Error => ("ERROR", Tone::Bad),
    }
}
