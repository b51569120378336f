//! The top of the page: what was asked, the verdict, and the run in a few sentences that a stranger understands.

use maud::{Markup, html};

use super::Told;
use crate::{
    record::{Applied, Kind, ZeroFrom},
    report::{
        RunResult, RunVerdict, deviation::deviations, lanes::State, page::figure, terminal::verdict_word,
        timeline::warning,
    },
    scenario::Verdict,
};

pub(super) fn header(told: &Told<'_>) -> Markup {
    let result = told.result;
    let (word, _) = verdict_word(result.verdict);
    let warning = warning(result);
    html! {
        h1 { (result.scenario) ": " span class=(word.to_lowercase()) { (word) } }
        p.asked { (result.title) }
        div class={ "verdict " (word.to_lowercase()) } {
            p { strong { (word) } span.told { (verdict(result)) @if !warning.is_empty() { " Two nodes were writable at the same time: see the warning." } } }
            p.told { (story(told)) }
        }
        @if !warning.is_empty() {
            div.warning role="note" {
                @for (index, line) in warning.iter().enumerate() { p { @if index == 0 { "‼ " } (line) } }
            }
        }
        @if let Some(description) = &result.description { p { (description) } }
        @if let Some(document) = &result.document { p { "The procedure says: " em { (document) } } }
        @for sentence in deviations(result) { p.change { (sentence) } }
        @if let Some(started) = result.started { p.quiet { "Run " code { (result.id) } ", begun " (format!("{started:.0}")) "." } }
    }
}

/// What the verdict says.
fn verdict(result: &RunResult) -> String {
    let all = result.expectations.len();
    let failed = result.expectations.iter().filter(|one| one.verdict != Verdict::Pass).count();
    let reason = result.reason.as_deref().unwrap_or("no reason was recorded");
    match result.verdict {
        RunVerdict::Pass if all == 0 => {
            "Nothing was expected of the cluster; the run went through.".to_owned()
        }
        RunVerdict::Pass if all == 1 => "The cluster did what was expected of it.".to_owned(),
        RunVerdict::Pass => format!("The cluster did all {all} things that were expected of it."),
        RunVerdict::Fail => format!("{failed} of {all} expectations were not met: {reason}."),
        RunVerdict::Invalid => format!("The run shows nothing about the cluster: {reason}."),
        RunVerdict::Error => format!("The run could not be made or judged: {reason}."),
    }
}

/// More actions than these would be no summary.
const MOST_ACTIONS: usize = 3;

/// How long the first cut was in force, with the event that began it.
fn in_force(told: &Told<'_>) -> Option<Markup> {
    let span = told.lanes.rows.iter().flat_map(|lane| &lane.spans).find(|span| span.state == State::Cut)?;
    Some(figure(format!("{:.1} s", span.to_s - span.from_s), span.line))
}

/// Whether a rule on the node met what it sends itself.
fn over_loopback(told: &Told<'_>, node: &str) -> bool {
    let here = told
        .ordered
        .iter()
        .filter(|event| event.kind == Kind::Applied && event.node.as_deref() == Some(node));
    here.filter_map(|event| event.after_as::<Applied>())
        .any(|applied| applied.rules.iter().any(|rule| rule.loopback))
}

/// The run in sentences: what was done, and what became of the leader and of clients' writes.
fn story(told: &Told<'_>) -> Markup {
    let metrics = &told.result.metrics;
    // What rounds to zero has no sign.
    let rounded = |at_s: f64| if at_s.abs() < 0.05 { 0.0 } else { at_s };
    let seconds = |at_s: f64| figure(format!("{:.1} s", rounded(at_s)), told.line_at(Some(at_s)));
    let since = match metrics.zero {
        Some(ZeroFrom::Hit) => "the first packet that it hit",
        Some(ZeroFrom::Applied) => "the cut, which hit no packet",
        Some(ZeroFrom::Action) => "the first action on the cluster",
        Some(ZeroFrom::Start) => "the first event; nothing was cut or done to the cluster",
        None => return html! { "Nothing was recorded." },
    };
    let cut = told.result.cuts.first();
    let more = told.result.cuts.len().saturating_sub(1);
    let outage = metrics.write_outage_longest_s;
    html! {
        @if let Some(cut) = cut {
            "netsplit cut " (cut.node) " off: " (cut.rule)
            @if more > 0 { ", and " (more) " more " @if more == 1 { "rule" } @else { "rules" } }
            @if let Some(lasted) = in_force(told) { ", for " (lasted) }
            ". "
            @if over_loopback(told, &cut.node) { "What " (cut.node) " sends itself was cut, too. " }
        }
        @for step in told.result.steps.iter().filter(|step| step.action.is_some()).take(MOST_ACTIONS) {
            "netsplit did this to the cluster: " (step.what) ". "
        }
        "Times count from " (since) ". "
        @match (metrics.leader_lost_s, metrics.new_leader_s) {
            (Some(lost), Some(new)) if (lost - new).abs() < 1e-9 => { "Leadership moved to another node after " (seconds(new)) ". " }
            (Some(lost), Some(new)) => { "The leader lost its key after " (seconds(lost)) ", another node led after " (seconds(new)) ". " }
            (Some(lost), None) => { "The leader lost its key after " (seconds(lost)) ", and no other node took over. " }
            (None, _) => "The leader stayed the leader. ",
        }
        @match (metrics.writes_stopped_s, outage, metrics.writes_back_s) {
            (Some(stopped), Some(outage), Some(_)) => {
                "Clients could not write for " (figure(format!("{outage:.1} s"), told.line_at(Some(stopped)))) ". "
            }
            (Some(stopped), ..) => { "Clients could not write from " (seconds(stopped)) " on, until the record ends. " }
            (None, ..) if metrics.writes_acknowledged.is_some() => "Clients could write all the time. ",
            _ => "No client wrote. ",
        }
        @if let (Some(lost), Some(of)) = (metrics.writes_lost, metrics.writes_acknowledged) {
            @match lost {
                0 => "None",
                many => (many),
            }
            " of the " (of) " writes that netsplit's client had acknowledged " @if lost == 1 || lost == 0 { "was" } @else { "were" } " lost."
        }
    }
}
