//! What was expected and observed, each with the moment that decided.

use maud::{Markup, html};

use super::{Told, line_link, picture::pin};
use crate::{
    report::{page::table, timeline::signed},
    scenario::Verdict,
};

pub(super) fn section(told: &Told<'_>) -> Markup {
    let all = &told.result.expectations;
    if all.is_empty() {
        return html! { p { "The scenario expects nothing." } };
    }
    let rows = html! {
        @for (index, one) in all.iter().enumerate() {
            @let (symbol, class, word) = match one.verdict {
                Verdict::Pass => ("✓", "good", "met"),
                Verdict::Fail => ("✗", "bad", "not met"),
                Verdict::Error => ("?", "change", "not judged"),
            };
            tr {
                th scope="row" { (one.name) }
                td class={ "nowrap " (class) } { span aria-hidden="true" { (symbol) " " } (word) }
                td { (one.expected) }
                td { (one.observed) }
                td.n { @if let Some(at_s) = one.at_s {
                    a href={ "#" (pin(index)) } data-pin=(pin(index)) aria-label={ "Show the moment in the picture: " (signed(at_s)) " s" } { (signed(at_s)) " s" }
                } @else { "–" } }
                td {
                    @if let Some(event) = one.at_s.and_then(|at_s| told.at(at_s)) {
                        (event.kind_in_words())
                        @if let Some(line) = event.line { ", " (line_link(line)) }
                    } @else { "–" }
                }
            }
        }
    };
    html! {
        p.quiet { "A moment under «Decided at» is marked in the picture when you point at it, and shown there when you follow it." }
        (table("Expectations", &["Expectation", "Verdict", "Expected", "Observed", ">Decided at", "By the event"], &rows))
    }
}
