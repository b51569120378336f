//! Medians side by side, and what of it is more than noise.

use maud::{Markup, html};

use super::super::table::{Section, heading};
use crate::{compare::Comparison, report::page::table};

pub(super) fn section(comparison: &Comparison, tables: &[Section<'_>]) -> Markup {
    let key = comparison.factors.first().map(|factor| factor.key.as_str()).unwrap_or_default();
    html! {
        @for one in tables {
            @let words = heading(&one.given);
            @if !words.is_empty() { h3 { (words) } }
            (table(&label(&words), &columns(key, one), &rows(one)))
            @if !one.quiet.is_empty() { p.quiet { "Nothing to tell of: " (one.quiet.join(", ")) "." } }
        }
    }
}

fn label(heading: &str) -> String {
    if heading.is_empty() { "Medians".to_owned() } else { format!("Medians with {heading}") }
}

fn columns<'s>(key: &'s str, section: &'s Section<'_>) -> Vec<&'s str> {
    let levels = section.cells.iter().map(|cell| cell.level());
    [key].into_iter().chain(levels).chain(["differs"]).collect()
}

fn rows(section: &Section<'_>) -> Markup {
    html! {
        @for row in &section.rows {
            tr {
                th scope="row" { (row.measure.title) }
                @for cell in &row.cells { td.nowrap { (cell) } }
                td { @if row.larger { strong { (row.differs) } } @else { span.quiet { (row.differs) } } }
            }
        }
    }
}
