//! The document around every page's contents.

use maud::{DOCTYPE, Markup, PreEscaped, Render, html};

use super::chart;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A part of a page with a heading of its own.
pub(crate) struct Section {
    /// What links call it; unique in its page.
    pub(crate) id: &'static str,
    /// Its heading, and its line in the contents.
    pub(crate) title: String,
    /// What it says. Headings in it begin with `h3`.
    pub(crate) body: Markup,
}

impl Section {
    /// A section.
    pub(crate) fn new(id: &'static str, title: &str, body: Markup) -> Self {
        Self { id, title: title.to_owned(), body }
    }
}

/// A whole page: `header` has its `h1` and what a reader must know at once; the sections follow, in order.
///
/// Everything is in the page: it loads nothing, from the network or from beside it.
pub(crate) fn page(title: &str, header: &Markup, sections: &[Section]) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                // Without an icon of its own, a browser that is given the page by a server would ask it for one.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                header { (header) }
                nav aria-label="Contents" {
                    ul { @for section in sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                }
                main id="main" tabindex="-1" {
                    @for Section { id, title, body } in sections {
                        section id=(id) aria-labelledby={ (id) "-heading" } {
                            h2 id={ (id) "-heading" } { (title) }
                            (body)
                        }
                    }
                }
                footer { p { "Made by netsplit " (env!("CARGO_PKG_VERSION")) "." } }
                (chart::patterns())
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

/// A table with a row of column headings, which may be empty; a `>` before one puts it to the right, where numbers are.
/// `label` says what it is to who does not see it.
/// `rows` are whole `tr`s, each of which begins with its own heading (`th scope=row`) where it has one.
pub(crate) fn table(label: &str, columns: &[&str], rows: &Markup) -> Markup {
    html! {
        // Whoever has no pointer scrolls it with the arrow keys.
        div.wide role="region" aria-label=(label) tabindex="0" {
            table {
                @if columns.iter().any(|column| !column.is_empty()) {
                    thead { tr { @for column in columns {
                        @if column.is_empty() { td {} }
                        @else if let Some(column) = column.strip_prefix('>') { th.n scope="col" { (column) } }
                        @else { th scope="col" { (column) } }
                    } } }
                }
                tbody { (rows) }
            }
        }
    }
}

/// A number that leads to the event behind it, by its line in `events.jsonl`; just the number where there is none.
pub(crate) fn figure(text: impl Render, line: Option<usize>) -> Markup {
    html! {
        @if let Some(line) = line {
            a.figure href={ "#event-" (line) } title={ "line " (line) " of events.jsonl" } { (text) }
        } @else { (text) }
    }
}
