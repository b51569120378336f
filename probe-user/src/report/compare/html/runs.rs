//! Every run, with what came of it and the way to its report.

use maud::{Markup, html};

use super::super::table::exceptions;
use crate::{
    compare::{Comparison, Run},
    report::{RunVerdict, page::table},
};

pub(super) fn section(comparison: &Comparison) -> Markup {
    let factors = comparison.factors.iter().map(|factor| factor.key.as_str());
    let columns: Vec<&str> =
        ["run"].into_iter().chain(factors).chain(["verdict", "lab", "order", "seconds"]).collect();
    let exceptions = exceptions(comparison);
    html! {
        @if !exceptions.is_empty() {
            p { "Not as their scenario expects, or not to be counted:" }
            ul { @for line in &exceptions { li { (line) } } }
        }
        (table("Every run", &columns, &rows(comparison)))
    }
}

fn rows(comparison: &Comparison) -> Markup {
    html! {
        @for cell in &comparison.cells { @for run in &cell.runs {
            tr {
                th scope="row" { (link(run)) }
                @for level in &cell.levels { td { (level) } }
                @let (class, word) = verdict(run);
                td class=(class) { (word) @if !run.counts { ", does not count" } }
                td { (run.lab) } td.n { (run.turn) } td.n { (format!("{:.0}", run.took_s)) }
            }
        } }
    }
}

fn link(run: &Run) -> Markup {
    html! {
        @if run.verdict.is_some() { a href={ (run.directory) "/report.html" } { (run.directory) } } @else { (run.directory) }
    }
}

fn verdict(run: &Run) -> (&'static str, &'static str) {
    match run.verdict {
        Some(RunVerdict::Pass) => ("good", "as expected"),
        Some(RunVerdict::Fail) => ("bad", "not as expected"),
        Some(RunVerdict::Invalid) => ("change", "invalid"),
        Some(RunVerdict::Error) | None => ("bad", "error"),
    }
}
