//! `report.html`: one page that needs nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html as page};

use super::{
    RunResult, Tone,
    deviation::deviations,
    proof,
    terminal::verdict_word,
    timeline::{rows, signed, timeline, warning},
};
use crate::{proof::EdgeVerdict, record::Environment, scenario::Verdict};

pub(super) const STYLE: &str = "
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430 }
h1 small { font-weight: normal; color: #5a6675; font-size: 1rem; display: block }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }
td, th { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #e3e7ec; vertical-align: top }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.pass, .good { color: #14713d } .fail, .bad, .error { color: #b3261e } .invalid, .change { color: #8a5a00 }
.cut { color: #7b2d8e; font-weight: 600 } .step { color: #7d8794 }
tr.alarm td, .warning { background: #b3261e; color: #fff; font-weight: 600 }
.warning { padding: .8rem 1.2rem; border-radius: .4rem } .warning p { margin: .2rem 0 }
@media (prefers-color-scheme: dark) { body { background: #14181d; color: #dce3ea } td, th { border-color: #2b333c }
.pass, .good { color: #5fd08f } .fail, .bad, .error { color: #ff8a80 } .invalid, .change { color: #e8b75a }
.cut { color: #d79be6 } }
";

/// The report as a self-contained page.
pub fn html(result: &RunResult) -> String {
    let (word, _) = verdict_word(result.verdict);
    let warning = warning(result);
    let at = |at_s: Option<f64>| at_s.map_or("–".to_owned(), |at_s| format!("{} s", signed(at_s)));
    page! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (result.scenario) ": " (word) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 {
                    (result.scenario) ": " span class=(word.to_lowercase()) { (word) }
                    small { (result.title) }
                }
                @if let Some(reason) = &result.reason { p { strong { (reason) } } }
                @if let Some(started) = result.started { p { "Run " code { (result.id) } ", begun " (format!("{started:.0}")) } }
                @if let Some(description) = &result.description { p { (description) } }
                @if let Some(document) = &result.document { p { "The procedure says: " em { (document) } } }
                @for sentence in deviations(result) { p.change { (sentence) } }
                @if !warning.is_empty() { div.warning { @for line in &warning { p { (line) } } } }
                h2 { "Expectations" }
                table {
                    tr { th {} th { "Expected" } th { "Observed" } th { "At" } }
                    @for one in &result.expectations {
                        @let (symbol, class) = match one.verdict {
                            Verdict::Pass => ("✓", "good"),
                            Verdict::Fail => ("✗", "bad"),
                            Verdict::Error => ("?", "change"),
                        };
                        tr { td class=(class) { (symbol) } td { (one.expected) } td { (one.observed) } td.n { (at(one.at_s)) } }
                    }
                }
                h2 { "Timeline" }
                table {
                    @for line in timeline(result) {
                        tr class=(class(line.tone)) {
                            td.n { (format!("{} s", signed(line.at_s))) }
                            td { (line.tone.symbol()) }
                            td { (line.subject) }
                            td { (line.text) }
                        }
                    }
                }
                h2 { "Numbers" }
                table { @for (name, value) in rows(result) { tr { td { (name) } td.n { (value) } } } }
                h2 { "Cuts" }
                table {
                    tr { th { "Node" } th { "Rule" } th { "Hook" } th { "Packets" } th { "Bytes" } th { "First hit" } th { "Last hit" } }
                    @for cut in &result.cuts {
                        tr {
                            td { (cut.node) } td { (cut.rule) } td { (cut.hook) }
                            td.n { (cut.packets) } td.n { (cut.bytes) }
                            td.n { (at(cut.first_hit_s)) } td.n { (at(cut.last_hit_s)) }
                        }
                    }
                }
                @if proof::rows(result).next().is_some() {
                    h2 { "Proof" }
                    table {
                        tr { th {} th { "Edge" } th { "Rule" } th { "Why" } }
                        @for (rule, edge) in proof::rows(result) {
                            @let class = match edge.verdict {
                                EdgeVerdict::Confirmed => "good",
                                EdgeVerdict::NoTraffic => "change",
                                EdgeVerdict::Leaked => "bad",
                            };
                            tr { td class=(class) { (edge.verdict) } td { (edge) } td { (rule) } td { (edge.why) } }
                        }
                    }
                }
                @if !result.troubles.is_empty() {
                    h2 { "Trouble of the observers" }
                    ul { @for trouble in &result.troubles { li { (trouble) } } }
                }
                @if let Some(environment) = &result.environment {
                    h2 { "Environment" }
                    (facts(environment))
                }
            }
        }
    }
    .into_string()
}

/// What a run ran on, as a table.
pub(super) fn facts(environment: &Environment) -> Markup {
    let timings = environment.timings;
    page! {
        table {
            tr { td { "kernel" } td { (environment.kernel) } }
            @for (program, version) in &environment.versions { tr { td { (program) } td { (version) } } }
            tr {
                td { "timings" }
                td {
                    "ttl " (timings.ttl) " s, loop_wait " (timings.loop_wait)
                    " s, retry_timeout " (timings.retry_timeout) " s"
                }
            }
        }
    }
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Cut => "cut",
        Tone::Bad => "bad",
        Tone::Good => "good",
        Tone::Change => "change",
        Tone::Alarm => "alarm",
        Tone::Step => "step",
    }
}
