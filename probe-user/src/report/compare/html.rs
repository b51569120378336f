//! `report.html` of a comparison: one page that needs nothing else.

use maud::{DOCTYPE, PreEscaped, html as page};

use super::table::{LEGEND, exceptions, heading, introduction, sections};
use crate::{compare::Comparison, report::html::STYLE};

/// The report as a self-contained page; the runs that it links to lie beside it.
pub fn html(comparison: &Comparison) -> String {
    page! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (comparison.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (comparison.title) }
                @for line in introduction(comparison) { p { (line) } }
                @for section in sections(comparison) {
                    h2 { (heading(&section.given)) }
                    table {
                        @for row in &section.rows {
                            tr { th { (row.measure.title) } @for cell in &row.cells { td { (cell) } } td { (row.differs) } }
                        }
                    }
                }
                @for line in exceptions(comparison) { p { (line) } }
                p { (LEGEND) }
            }
        }
    }
    .into_string()
}
