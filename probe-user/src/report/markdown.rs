//! `report.md`.

use std::fmt::Write;

use super::{
    RunResult,
    deviation::deviations,
    proof,
    terminal::verdict_word,
    timeline::{rows, signed, timeline, warning},
};
use crate::{cluster::Timings, record::Environment, scenario::Verdict};

/// The report in Markdown.
pub fn markdown(result: &RunResult) -> String {
    let mut out = String::new();
    let mut say = |text: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{text}");
    };
    let (word, _) = verdict_word(result.verdict);
    say(&format!("# {}: {word}\n", plain(&result.scenario)));
    say(&format!("{}\n", plain(&result.title)));
    if let Some(reason) = &result.reason {
        say(&format!("**{}**\n", plain(reason)));
    }
    if let Some(started) = result.started {
        say(&format!("Run `{}`, begun {started:.0}.\n", result.id));
    }
    if let Some(description) = &result.description {
        say(&format!("{description}\n"));
    }
    if let Some(document) = &result.document {
        say(&format!("The procedure says: *{}*\n", plain(document)));
    }
    for sentence in deviations(result) {
        say(&format!("{}\n", plain(&sentence)));
    }
    if let Some((head, rest)) = warning(result).split_first() {
        say(&format!("> **⚠ {head}**\n>"));
        for line in rest {
            say(&format!("> {line}  "));
        }
        say("");
    }
    say("## Expectations\n");
    say("| | Expected | Observed | At |\n|---|---|---|---:|");
    for one in &result.expectations {
        let symbol = match one.verdict {
            Verdict::Pass => "✓",
            Verdict::Fail => "✗",
            Verdict::Error => "?",
        };
        let at = one.at_s.map(|at_s| format!("{} s", signed(at_s))).unwrap_or_default();
        say(&format!("| {symbol} | {} | {} | {at} |", plain(&one.expected), plain(&one.observed)));
    }
    say("\n## Timeline\n");
    say("| Seconds | | Subject | What happened |\n|---:|---|---|---|");
    for line in timeline(result) {
        let symbol = line.tone.symbol();
        say(&format!(
            "| {} | {symbol} | {} | {} |",
            signed(line.at_s),
            plain(&line.subject),
            plain(&line.text)
        ));
    }
    say("\n## Numbers\n\n| | |\n|---|---:|");
    for (name, value) in rows(result) {
        say(&format!("| {name} | {value} |"));
    }
    say(
        "\n## Cuts\n\n| Node | Rule | Hook | Packets | Bytes | First hit | Last hit |\n|---|---|---|---:|---:|---:|---:|",
    );
    for cut in &result.cuts {
        let at = |at_s: Option<f64>| at_s.map_or("–".to_owned(), |at_s| format!("{} s", signed(at_s)));
        say(&format!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            plain(&cut.node),
            plain(&cut.rule),
            plain(&cut.hook),
            cut.packets,
            cut.bytes,
            at(cut.first_hit_s),
            at(cut.last_hit_s)
        ));
    }
    if proof::rows(result).next().is_some() {
        say("\n## Proof\n\n| | Edge | Rule | Why |\n|---|---|---|---|");
    }
    for (rule, edge) in proof::rows(result) {
        let (ends, why) = (plain(&edge.to_string()), plain(&edge.why));
        say(&format!("| {} | {ends} | {} | {why} |", edge.verdict, plain(rule)));
    }
    if !result.troubles.is_empty() {
        say("\n## Trouble of the observers\n");
        for trouble in &result.troubles {
            say(&format!("- {}", plain(trouble)));
        }
    }
    if let Some(environment) = &result.environment {
        say(&environment_of(environment));
    }
    out
}

/// What the run ran on, as a section without its last line's end.
fn environment_of(environment: &Environment) -> String {
    let mut text =
        format!("\n## Environment\n\n| | |\n|---|---|\n| kernel | {} |", plain(&environment.kernel));
    let mut row = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n| {name} | {value} |");
    };
    for (program, version) in &environment.versions {
        row(&plain(program), &plain(version));
    }
    let Timings { ttl, loop_wait, retry_timeout } = environment.timings;
    row("timings", &format!("ttl {ttl} s, loop_wait {loop_wait} s, retry_timeout {retry_timeout} s"));
    if let Some(lab) = &environment.lab {
        let local = format!("{:?}", lab.local).to_lowercase();
        row("lab", &format!("local connection by {local}, {} etcd", lab.etcd_members));
    }
    text
}

/// Text that means nothing to Markdown, and stays within its cell.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => plain.push(' '),
            '|' | '*' | '`' | '<' | '\\' | '[' => plain.extend(['\\', c]),
            _ => plain.push(c),
        }
    }
    plain
}
