//! `report.html` of a comparison: one page that needs nothing else; the runs' own pages lie below it.

mod overlay;
mod runs;
mod strip;
mod tables;

use std::collections::BTreeMap;

use maud::{Markup, html as markup};

use super::{
    short::short,
    table::{LEGEND, Section as Table, heading, introduction, sections, two_writable},
};
use crate::{
    compare::Comparison,
    report::{
        html::facts,
        lanes::Lanes,
        page::{Section, page},
    },
};

pub(crate) use overlay::essence;

/// What runs looked like over time, by directory; without those whose record cannot be read.
pub(crate) type Pictures = BTreeMap<String, Lanes>;

/// The report as a self-contained page.
pub(crate) fn html(comparison: &Comparison, pictures: &Pictures) -> String {
    let tables = sections(comparison);
    let mut parts = vec![
        Section::new("differs", "What differs", tables::section(comparison, &tables)),
        Section::new("numbers", "Every run's numbers", strip::section(comparison, &tables)),
    ];
    if !pictures.is_empty() {
        parts.push(Section::new("time", "The runs by time", overlay::section(&tables, pictures)));
    }
    parts.push(Section::new("runs", "The runs", runs::section(comparison)));
    parts.push(Section::new("environment", "What they ran on", environments(comparison)));
    page(&format!("{}: a comparison", comparison.scenario), &header(comparison, &tables), &parts)
}

fn header(comparison: &Comparison, tables: &[Table<'_>]) -> Markup {
    markup! {
        h1 { "A comparison: " (comparison.scenario) }
        p.asked { (comparison.title) }
        div.verdict {
            @for one in tables {
                @let words = heading(&one.given);
                p.told { @if !words.is_empty() { strong { (words) } } (short(one)) }
            }
        }
        @if let Some(warning) = two_writable(comparison) { div.warning role="note" { p { "‼ " (warning) } } }
        @for line in introduction(comparison) { p { (line) } }
        @if let Some(description) = &comparison.description { p { (description) } }
        p.quiet { (LEGEND) }
        @if let Some(begun) = comparison.begun {
            p.quiet { "Comparison " code { (comparison.id) } ", begun " (format!("{begun:.0}"))
                @if let Some(took_s) = comparison.took_s { ", in " (format!("{:.0} min", took_s / 60.0)) } "." }
        }
    }
}

fn environments(comparison: &Comparison) -> Markup {
    markup! { @for environment in &comparison.environments { (facts(environment)) } }
}
