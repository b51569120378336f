//! The events that the page leads to, in the order of the record; what lies between them is counted.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value;

use super::Told;
use crate::{
    record::{
        Applied, ClientWrite, ClusterView, EdgeProbe, Event, HitSummary, Inside, Kind, LeaderKey, LogEntry,
        MemberKey, PortState, RestState, Reverted, ServerState, StepMark, inside_in_words, port_in_words,
        rest_in_words, rule_in_words,
    },
    report::{page::table, timeline::signed},
};

/// As much of a payload as a cell has room for; `events.jsonl` has all of it.
const LONGEST: usize = 200;

pub(super) fn section(told: &Told<'_>) -> Markup {
    let wanted = told.lines();
    let shown = |event: &Event| event.line.is_some_and(|line| wanted.contains(&line));
    let mut folded: BTreeMap<String, usize> = BTreeMap::new();
    let mut rows = Vec::new();
    for event in told.ordered {
        if shown(event) {
            rows.extend(left_out(&mut folded));
            rows.push(row(told, event));
        } else {
            *folded.entry(event.kind_in_words()).or_default() += 1;
        }
    }
    rows.extend(left_out(&mut folded));
    let count = told.ordered.iter().filter(|event| shown(event)).count();
    html! {
        p {
            (count) " of the " (told.ordered.len()) " events that were recorded: those that this page leads to. What is left out is "
            "counted between them; " code { "events.jsonl" } " beside this page has all, whole, one a line: "
            code { "sed -n 12p events.jsonl" } " prints line 12. They are in the order of the boot clock, which is nearly that of the lines."
        }
        (table(
            "Events", &[">Line", ">Seconds", "Wall time (UTC)", "Source, kind", "Before → after"],
            &html! { @for one in &rows { (one) } }
        ))
    }
}

fn left_out(folded: &mut BTreeMap<String, usize>) -> Option<Markup> {
    let all: usize = folded.values().sum();
    let kinds: Vec<String> = folded.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    folded.clear();
    (all > 0)
        .then(|| html! { tr.folded { td.n { "…" } td colspan="4" { "not shown: " (kinds.join(", ")) } } })
}

fn row(told: &Told<'_>, event: &Event) -> Markup {
    let who = event.node.as_ref().map_or_else(String::new, |node| format!(" ({node})"));
    html! {
        tr id=[event.line.map(|line| format!("event-{line}"))] {
            th.n scope="row" data-is="line" { @if let Some(line) = event.line { (line) } }
            td.n { (signed(told.seconds(event))) " s" }
            td.nowrap data-is="wall" { (event.wall.strftime("%H:%M:%S.%3f")) }
            td.nowrap data-is="who" { (event.source_in_words()) " " (event.kind_in_words()) (who) }
            td {
                span.was data-is="before" { (in_words(event.kind, &event.before)) }
                " → "
                span data-is="after" { (in_words(event.kind, &event.after)) }
            }
        }
    }
}

/// What a source saw, in words where there are any, else as it stands in the record.
fn in_words(kind: Kind, value: &Value) -> String {
    let words = match kind {
        Kind::Step => read(value, |mark: StepMark| format!("{}: {}", mark.phase, mark.what)),
        Kind::Applied => read(value, |applied: Applied| {
            let rules: Vec<String> = applied.rules.iter().map(rule_in_words).collect();
            format!("cut {} by {}: {}", applied.cut, applied.backend, rules.join("; "))
        }),
        Kind::Reverted => read(value, |one: Reverted| format!("cut {} is gone: {}", one.cut, one.why)),
        Kind::Hit => read(value, |hit: HitSummary| format!("{} packets, {} bytes", hit.packets, hit.bytes)),
        Kind::Probe => read(value, |probe: EdgeProbe| {
            let met = serde_json::to_value(&probe.met).unwrap_or_default();
            format!("from {} to {}: {}, {} hits", probe.peer, probe.to, plain(&met), probe.hits)
        }),
        Kind::Rest => read(value, |state: RestState| rest_in_words(&state)),
        Kind::Port => read(value, |state: PortState| port_in_words(&state)),
        Kind::Inside => read(value, |inside: Inside| {
            format!("{}, WAL timeline {}", inside_in_words(Some(&inside)), inside.timeline)
        }),
        Kind::LeaderKey => read(value, |key: LeaderKey| key.holder),
        Kind::MemberKey => read(value, |key: MemberKey| format!("{}, {}", key.role, key.state)),
        Kind::Server => read(value, |server: ServerState| {
            format!("{} {} ({})", server.proxy, server.status, server.check)
        }),
        Kind::Write => read(value, |write: ClientWrite| {
            let error = write.error.map_or_else(String::new, |error| format!(": {error}"));
            let outcome = serde_json::to_value(write.outcome).unwrap_or_default();
            format!("row {} {} after {} ms{error}", write.id, plain(&outcome), write.took_ms)
        }),
        Kind::List | Kind::Cluster => read(value, |view: ClusterView| {
            let members =
                view.members.iter().map(|(name, member)| format!("{name} {} {}", member.role, member.state));
            members.collect::<Vec<_>>().join(", ")
        }),
        Kind::Log => read(value, |entry: LogEntry| format!("{} {}", entry.level, entry.text)),
        _ => None,
    };
    let words = words.unwrap_or_else(|| plain(value));
    match words.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value, words: impl FnOnce(T) -> String) -> Option<String> {
    T::deserialize(value).ok().map(words)
}

/// JSON as text; `null` is nothing.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
