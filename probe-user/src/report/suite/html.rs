//! A suite's `report.html`: one page that needs nothing else; the runs' own pages lie below it.

use maud::{Markup, html as markup};

use super::{
    ScenarioRecord, SuiteResult, SuiteVerdict,
    small::{scale_s, small},
    table::{HEADER, cells, healings, notes, sections, summary},
    terminal::tone,
};
use crate::{
    report::{
        Tone,
        html::facts,
        page::{Section, page, table},
    },
    scenario::Verdict,
};

/// The report as a self-contained page; what it links to lies beside it.
pub fn html(result: &SuiteResult) -> String {
    let failed = result.scenarios.iter().any(|one| one.verdict != SuiteVerdict::Pass && !one.runs.is_empty());
    let healings = healings(result);
    let mut parts = vec![Section::new("table", "The table", tables(result))];
    if failed {
        parts.push(Section::new("failed", "What did not pass", not_passed(result)));
    }
    parts.push(Section::new("runs", "Runs", runs(result)));
    if !healings.is_empty() {
        let lines = markup! { ul { @for line in &healings { li { (line) } } } };
        parts.push(Section::new("healing", "The cluster between scenarios", lines));
    }
    if !result.labs.is_empty() {
        parts.push(Section::new("labs", "Labs", labs(result)));
    }
    if !result.environments.is_empty() {
        parts.push(Section::new("environment", "What it ran on", environments(result)));
    }
    page(&format!("{}: {}", result.title, result.verdict), &header(result), &parts)
}

fn header(result: &SuiteResult) -> Markup {
    markup! {
        h1 { (result.title) ": " span class=(class(result.verdict)) { (result.verdict) } }
        @if let Some(source) = &result.source { p.asked { "Source: " (source) } }
        div class={ "verdict " (class(result.verdict)) } {
            @for (index, line) in summary(result).iter().enumerate() {
                p.told { @if index == 0 { strong class=(class(result.verdict)) { (result.verdict) } } (line) "." }
            }
        }
        @if let Some(description) = &result.description { p { (description) } }
        @if let Some(begun) = result.begun { p.quiet { "Suite " code { (result.id) } ", begun " (format!("{begun:.0}")) "." } }
    }
}

fn tables(result: &SuiteResult) -> Markup {
    markup! {
        @for section in sections(result) {
            @if let Some(title) = section.title { h3 { (title) } }
            (table(section.title.unwrap_or("Scenarios"), &HEADER, &markup! {
                @for one in &section.scenarios { (row(one)) }
            }))
            @for note in notes(&section) { p.change { (note) } }
        }
    }
}

fn row(one: &ScenarioRecord) -> Markup {
    let [id, rest @ .., verdict] = cells(one);
    let decided = one.runs.iter().find(|run| run.verdict == one.verdict);
    let directory = decided.and_then(|run| run.directory.as_deref());
    markup! {
        tr {
            th scope="row" { (broken(&id)) }
            @for lines in &rest { td { (broken(lines)) } }
            td class={ "nowrap " (class(one.verdict)) } { (link(directory, &verdict.join(", "))) }
        }
    }
}

fn not_passed(result: &SuiteResult) -> Markup {
    let failed = || result.scenarios.iter().filter(|one| one.verdict != SuiteVerdict::Pass);
    markup! {
        @for one in failed() { @for run in one.runs.iter().filter(|run| run.verdict != SuiteVerdict::Pass) {
            p {
                span class=(class(run.verdict)) { (run.verdict) } " " strong { (link(run.directory.as_deref(), &one.id)) }
                @if result.repeat > 1 { " (run " (run.repetition) ")" }
                ": " (run.reason.as_deref().unwrap_or_default())
            }
            ul { @for judged in run.expectations.iter().filter(|judged| judged.verdict != Verdict::Pass) {
                li { "expected " (judged.expected) "; observed: " span.bad { (judged.observed) } }
            } }
        } }
    }
}

fn runs(result: &SuiteResult) -> Markup {
    let all = result.scenarios.iter().flat_map(|one| &one.runs);
    let scale_s = scale_s(all.filter_map(|run| run.metrics.as_ref()));
    let rows = markup! {
        @for one in &result.scenarios { @for run in &one.runs {
            tr {
                th scope="row" { (link(run.directory.as_deref(), run.directory.as_deref().unwrap_or(&one.id))) }
                td class={ "nowrap " (class(run.verdict)) } { (run.verdict) }
                td { @if let Some(metrics) = &run.metrics { (small(metrics, scale_s)) } @else { "–" } }
                td.n { (format!("{:.1}", run.seconds)) }
                td.n { (format!("{:.1}", run.waiting_s)) }
                td.n { @if let Some(healing) = &run.healing { (format!("{:.1}", healing.seconds)) } }
            }
        } }
    };
    markup! {
        p.quiet {
            "The pictures begin at each run's first packet hit, or action, and are " (format!("{scale_s:.0}")) " s wide: "
            "the upper strip is when clients could not write, the middle one when nobody led, the lower one when two nodes were writable."
        }
        (table("Runs", &["Run", "Verdict", "What it went through", ">Seconds", ">Waiting", ">Healing"], &rows))
    }
}

fn labs(result: &SuiteResult) -> Markup {
    let rows = markup! {
        @for lab in &result.labs {
            tr {
                th scope="row" { (lab.lab) }
                td { (lab.why) }
                td.n { (format!("{:.1}", lab.seconds)) }
                td.bad { (lab.error.as_deref().unwrap_or_default()) }
            }
        }
    };
    table("Labs", &["Lab", "What for", ">Seconds", "Error"], &rows)
}

fn environments(result: &SuiteResult) -> Markup {
    markup! {
        @for environment in &result.environments {
            h3 { (environment.lab.as_ref().map_or(&environment.cluster, |lab| &lab.name)) }
            (facts(environment))
        }
    }
}

fn broken(lines: &[String]) -> Markup {
    markup! { @for (index, line) in lines.iter().enumerate() { @if index > 0 { br; } (line) } }
}

fn link(directory: Option<&str>, text: &str) -> Markup {
    markup! {
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
