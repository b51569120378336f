//! A suite's `report.html`: one page that needs nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html as page};

use super::{
    ScenarioRecord, SuiteResult, SuiteVerdict,
    table::{HEADER, cells, healings, notes, sections, summary},
    terminal::tone,
};
use crate::{
    report::{
        Tone,
        html::{STYLE, facts},
    },
    scenario::Verdict,
};

const WIDE: &str = "body { max-width: 90rem } tr > td:last-child { white-space: nowrap }";

/// The report as a self-contained page; what it links to lies beside it.
pub fn html(result: &SuiteResult) -> String {
    let word = result.verdict.to_string();
    let failed =
        result.scenarios.iter().filter(|one| one.verdict != SuiteVerdict::Pass && !one.runs.is_empty());
    let failed: Vec<_> = failed.collect();
    let healings = healings(result);
    page! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (result.title) ": " (word) }
                style { (PreEscaped(STYLE)) (PreEscaped(WIDE)) }
            }
            body {
                h1 {
                    (result.title) ": " span class=(class(result.verdict)) { (word) }
                    @if let Some(source) = &result.source { small { "Source: " (source) } }
                }
                @for line in summary(result) { p { (line) } }
                @if let Some(begun) = result.begun { p { "Suite " code { (result.id) } ", begun " (format!("{begun:.0}")) } }
                @if let Some(description) = &result.description { p { (description) } }
                @for section in sections(result) {
                    @if let Some(title) = section.title { h2 { (title) } }
                    table {
                        tr { @for name in HEADER { th { (name) } } }
                        @for one in &section.scenarios { (row(one)) }
                    }
                    @for note in notes(&section) { p.change { (note) } }
                }
                @if !failed.is_empty() { h2 { "What did not pass" } }
                @for one in failed { (details(one, result.repeat)) }
                @if !healings.is_empty() {
                    h2 { "The cluster between scenarios" }
                    ul { @for line in &healings { li { (line) } } }
                }
                h2 { "Runs" }
                table {
                    tr { th { "Scenario" } th { "Verdict" } th { "Seconds" } th { "Waiting" } th { "Healing" } }
                    @for one in &result.scenarios { @for run in &one.runs {
                        tr {
                            td { (link(run.directory.as_deref(), run.directory.as_deref().unwrap_or(&one.id))) }
                            td class=(class(run.verdict)) { (run.verdict) }
                            td.n { (format!("{:.1}", run.seconds)) }
                            td.n { (format!("{:.1}", run.waiting_s)) }
                            td.n { @if let Some(healing) = &run.healing { (format!("{:.1}", healing.seconds)) } }
                        }
                    } }
                }
                @if !result.labs.is_empty() {
                    h2 { "Labs" }
                    table { @for lab in &result.labs {
                        tr {
                            td { (lab.lab) } td { (lab.why) } td.n { (format!("{:.1} s", lab.seconds)) }
                            td.bad { (lab.error.as_deref().unwrap_or_default()) }
                        }
                    } }
                }
                @for environment in &result.environments {
                    h2 { "Environment: " (environment.lab.as_ref().map_or(&environment.cluster, |lab| &lab.name)) }
                    (facts(environment))
                }
            }
        }
    }
    .into_string()
}

fn row(one: &ScenarioRecord) -> Markup {
    let [first @ .., verdict] = cells(one);
    let decided = one.runs.iter().find(|run| run.verdict == one.verdict);
    let directory = decided.and_then(|run| run.directory.as_deref());
    page! {
        tr {
            @for lines in &first { td { (broken(lines)) } }
            td class=(class(one.verdict)) { (link(directory, &verdict.join(", "))) }
        }
    }
}

fn details(one: &ScenarioRecord, repeat: u32) -> Markup {
    page! {
        @for run in one.runs.iter().filter(|run| run.verdict != SuiteVerdict::Pass) {
            p {
                span class=(class(run.verdict)) { (run.verdict) } " " strong { (one.id) }
                @if repeat > 1 { " (run " (run.repetition) ")" }
                ": " (run.reason.as_deref().unwrap_or_default())
            }
            ul {
                @for judged in run.expectations.iter().filter(|judged| judged.verdict != Verdict::Pass) {
                    li { "expected " (judged.expected) "; observed: " span.bad { (judged.observed) } }
                }
            }
        }
    }
}

fn broken(lines: &[String]) -> Markup {
    page! { @for (index, line) in lines.iter().enumerate() { @if index > 0 { br; } (line) } }
}

fn link(directory: Option<&str>, text: &str) -> Markup {
    page! {
        @if let Some(directory) = directory { a href=(format!("{directory}/report.html")) { (text) } }
        @else { (text) }
    }
}

fn class(verdict: SuiteVerdict) -> &'static str {
    match tone(verdict) {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Change => "change",
        _ => "step",
    }
}
