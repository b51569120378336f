//! A run in the Trace Event Format, which Perfetto (<https://ui.perfetto.dev>) and `chrome://tracing` open:
//! <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>.
//!
//! The [lanes](super::lanes) of the page, once more: a group is a process and a lane a thread, with its spans as
//! complete events, its marks as instants, and what was counted as counters. What concerns all lanes, such as a cut in
//! force, is an asynchronous event, since such may overlap.
//!
//! Times are in microseconds, as the format asks, and count from the first event: Perfetto drops what lies before 0.
//! The run's zero is an instant of its own, and `otherData` has it, too.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    ReportError, RunResult,
    lanes::{Lane, Lanes, Plot, lanes},
};
use crate::record::Event;

/// A trace, whole.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Trace {
    #[serde(rename = "traceEvents")]
    events: Vec<TraceEvent>,
    display_time_unit: &'static str,
    other_data: Value,
}

/// One event of it.
#[derive(Clone, Debug, Serialize)]
struct TraceEvent {
    name: String,
    /// For filters.
    cat: &'static str,
    #[serde(rename = "ph")]
    phase: Phase,
    /// Microseconds.
    ts: u64,
    /// How long, of a complete event, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<u64>,
    pid: usize,
    tid: usize,
    /// How far an instant reaches.
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    /// What joins the two ends of an asynchronous event.
    #[serde(rename = "id2", skip_serializing_if = "Option::is_none")]
    id: Option<LocalId>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    args: Map<String, Value>,
}

/// A number within a process; those without are everybody's, and Perfetto shows them with none.
#[derive(Clone, Copy, Debug, Serialize)]
struct LocalId {
    local: usize,
}

/// Of what kind an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Phase {
    #[serde(rename = "M")]
    Metadata,
    #[serde(rename = "X")]
    Complete,
    #[serde(rename = "i")]
    Instant,
    #[serde(rename = "C")]
    Counter,
    #[serde(rename = "b")]
    Begin,
    #[serde(rename = "e")]
    End,
}

/// The process of what concerns all lanes.
const RUN: usize = 1;

/// The trace of a run, as indented JSON. `events` are those that it was judged by.
pub fn trace_events(result: &RunResult, events: &[Event]) -> Result<String, ReportError> {
    let lanes = lanes(events);
    let clock = Clock { from_s: lanes.from_s };
    let mut trace_events = run(&lanes, clock, result);
    for (index, group) in groups(&lanes).into_iter().enumerate() {
        trace_events.extend(process(RUN + 1 + index, group, &lanes, clock));
    }
    // Names first, then everything by time. Of what begins together the longer comes first, and holds the others.
    trace_events.sort_by_key(|event| {
        (event.phase != Phase::Metadata, event.ts, std::cmp::Reverse(event.dur.unwrap_or_default()))
    });
    let other_data = json!({
        "scenario": result.scenario, "run": result.id, "title": result.title, "verdict": result.verdict,
        "zero_us": clock.microseconds(0.0), "zero": result.metrics.zero,
    });
    super::directory::pretty(&Trace { events: trace_events, display_time_unit: "ms", other_data })
}

/// The trace's time.
#[derive(Clone, Copy)]
struct Clock {
    from_s: f64,
}

impl Clock {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a run lasts far less than 2^52 µs"
    )]
    fn microseconds(self, at_s: f64) -> u64 {
        ((at_s - self.from_s).max(0.0) * 1e6).round() as u64
    }
}

fn groups(lanes: &Lanes) -> Vec<&str> {
    let mut groups: Vec<&str> = Vec::new();
    for lane in &lanes.rows {
        if !groups.contains(&lane.group.as_str()) {
            groups.push(&lane.group);
        }
    }
    groups
}

/// What concerns all lanes: the run's zero, and each band.
fn run(lanes: &Lanes, clock: Clock, result: &RunResult) -> Vec<TraceEvent> {
    let mut events = named(RUN, 0, "process", &format!("Run of {}", result.scenario), 0).to_vec();
    if result.metrics.zero.is_some() {
        let zero = TraceEvent { scope: Some("g"), ..plain("the run's zero", "zero", Phase::Instant, RUN, 0) };
        events.push(TraceEvent { ts: clock.microseconds(0.0), ..zero });
    }
    for (index, band) in lanes.bands.iter().enumerate() {
        let event = TraceEvent {
            id: Some(LocalId { local: index + 1 }),
            ..plain(&band.words, band.kind.class(), Phase::Begin, RUN, 0)
        };
        let (from, to) = (clock.microseconds(band.from_s), clock.microseconds(band.to_s));
        events.push(TraceEvent { ts: from, ..event.clone() });
        events.push(TraceEvent { ts: to.max(from), phase: Phase::End, ..event });
    }
    events
}

/// A group of lanes.
fn process(pid: usize, group: &str, lanes: &Lanes, clock: Clock) -> Vec<TraceEvent> {
    let mut events = named(pid, 0, "process", group, pid).to_vec();
    for (index, lane) in lanes.rows.iter().filter(|lane| lane.group == group).enumerate() {
        let tid = index + 1;
        events.extend(named(pid, tid, "thread", &lane.name, tid));
        events.extend(thread(pid, tid, lane, clock));
    }
    events
}

fn thread(pid: usize, tid: usize, lane: &Lane, clock: Clock) -> Vec<TraceEvent> {
    let mut events = Vec::new();
    for span in &lane.spans {
        let (from, to) = (clock.microseconds(span.from_s), clock.microseconds(span.to_s));
        let event = plain(&span.words, span.state.class(), Phase::Complete, pid, tid);
        let dur = Some(to.saturating_sub(from));
        events.push(TraceEvent { ts: from, dur, args: from_line(span.line), ..event });
    }
    for mark in &lane.marks {
        let event = plain(&mark.words, "transition", Phase::Instant, pid, tid);
        let ts = clock.microseconds(mark.at_s);
        events.push(TraceEvent { ts, scope: Some("t"), args: from_line(mark.line), ..event });
    }
    let counted = |what: &str, at_s: f64, numbers: &[(&str, u64)]| {
        let event = plain(&format!("{}: {what}", lane.name), "count", Phase::Counter, pid, tid);
        let args = numbers.iter().map(|(name, number)| ((*name).to_owned(), json!(number))).collect();
        TraceEvent { ts: clock.microseconds(at_s), args, ..event }
    };
    match &lane.plot {
        Plot::None => {}
        Plot::Counter(points) => {
            events.extend(
                points.iter().map(|point| counted("packets hit", point.at_s, &[("packets", point.count)])),
            );
        }
        Plot::Writes(bins) => {
            let what = "by how they ended";
            for (index, bin) in bins.iter().enumerate() {
                let ended =
                    [("acknowledged", bin.acknowledged), ("failed", bin.failed), ("unknown", bin.unknown)];
                events.push(counted(what, bin.from_s, &ended));
                // Until the next one that has any, none ended.
                if bins.get(index + 1).is_none_or(|next| next.from_s > bin.to_s) {
                    events.push(counted(what, bin.to_s, &ended.map(|(name, _)| (name, 0))));
                }
            }
        }
    }
    events
}

/// What a process or a thread is called, and its place among the others.
fn named(pid: usize, tid: usize, what: &str, name: &str, place: usize) -> [TraceEvent; 2] {
    let told = |key: &str, value: Value| {
        let event = plain(&format!("{what}_{key}"), "__metadata", Phase::Metadata, pid, tid);
        TraceEvent { args: Map::from_iter([(key.to_owned(), value)]), ..event }
    };
    [told("name", json!(name)), told("sort_index", json!(place))]
}

/// The event that it follows from.
fn from_line(line: Option<usize>) -> Map<String, Value> {
    line.map(|line| ("line of events.jsonl".to_owned(), json!(line))).into_iter().collect()
}

fn plain(name: &str, cat: &'static str, phase: Phase, pid: usize, tid: usize) -> TraceEvent {
    TraceEvent {
        name: name.to_owned(),
        cat,
        phase,
        ts: 0,
        dur: None,
        pid,
        tid,
        scope: None,
        id: None,
        args: Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::{record::story::Story, scenario::Scenario};

    fn trace(story: &Story) -> Value {
        let text =
            "title = 'x'\n[[step]]\napply = 'x.toml'\n[[expect]]\nthat = 'leader-lost'\nwithin = 'ttl'\n";
        let scenario = Scenario::parse("s.toml", "s", text).expect("a good scenario");
        let result = RunResult::of("run", &scenario, &story.events);
        serde_json::from_str(&trace_events(&result, &story.events).expect("plain data")).expect("JSON")
    }

    fn number(event: &Value, key: &str) -> u64 {
        event[key].as_u64().unwrap_or_else(|| panic!("`{key}` is no number: {event}"))
    }

    /// Fails unless the format allows it: the phases and what each must have, the order, and that complete events of a
    /// thread are one after another or one within another.
    fn assert_format(trace: &Value) {
        let events = trace["traceEvents"].as_array().expect("a list");
        let mut names = BTreeSet::new();
        let mut open: BTreeMap<(u64, u64), Vec<u64>> = BTreeMap::new();
        let mut begun: BTreeMap<(String, u64), String> = BTreeMap::new();
        let mut last = 0;
        for event in events {
            let (ts, thread) = (number(event, "ts"), (number(event, "pid"), number(event, "tid")));
            let name = event["name"].as_str().expect("a name");
            assert!(!name.is_empty() && event["cat"].is_string(), "{event}");
            if event["ph"] != "M" {
                assert!(ts >= last, "out of order: {event}");
                last = ts;
            }
            match event["ph"].as_str().expect("a phase") {
                "M" => {
                    assert!(last == 0, "names come first: {event}");
                    let kinds = ["process_name", "process_sort_index", "thread_name", "thread_sort_index"];
                    assert!(kinds.contains(&name), "{event}");
                    let known = event["args"]["name"].is_string() || event["args"]["sort_index"].is_u64();
                    assert!(known, "{event}");
                    names.insert(thread);
                }
                "X" => {
                    let end = ts + number(event, "dur");
                    let around = open.entry(thread).or_default();
                    around.retain(|outer| *outer > ts);
                    assert!(around.iter().all(|outer| *outer >= end), "neither within nor behind: {event}");
                    around.push(end);
                }
                "i" => assert!(["g", "p", "t"].contains(&event["s"].as_str().expect("a scope")), "{event}"),
                "C" => {
                    let args = event["args"].as_object().expect("numbers");
                    assert!(!args.is_empty() && args.values().all(Value::is_number), "{event}");
                }
                "b" => {
                    let key = (event["cat"].to_string(), number(&event["id2"], "local"));
                    assert!(begun.insert(key, name.to_owned()).is_none(), "begun twice: {event}");
                }
                "e" => {
                    let key = (event["cat"].to_string(), number(&event["id2"], "local"));
                    assert_eq!(begun.remove(&key).as_deref(), Some(name), "{event}");
                }
                other => panic!("{other} is no phase of ours"),
            }
            assert!(names.contains(&thread), "nobody says what it is: {event}");
        }
        assert!(begun.is_empty(), "never ended: {begun:?}");
    }

    #[test]
    fn a_run_is_what_the_format_allows() {
        let trace = trace(&Story::failover());
        assert_format(&trace);
        let zero = number(&trace["otherData"], "zero_us");
        assert_eq!(zero, 10_200_000, "the first event is 10.2 s before the first packet hit");
        let events = trace["traceEvents"].as_array().expect("a list");
        let told = |event: &&Value| ["M", "X", "i", "b"].contains(&event["ph"].as_str().unwrap_or_default());
        let lines = events.iter().filter(told).map(|event| {
            let (dur, scope) = (event["dur"].as_u64(), event["args"]["name"].as_str());
            let dur = dur.map(|dur| format!("+{dur}")).unwrap_or_default();
            format!(
                "{} {:>10} {:>9} {}.{} {} {}",
                event["ph"].as_str().unwrap_or_default(),
                event["ts"],
                dur,
                event["pid"],
                event["tid"],
                event["name"].as_str().unwrap_or_default(),
                scope.unwrap_or_default(),
            )
        });
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn records_of_any_kind_have_a_trace() {
        for story in [
            Story::default(),
            Story::healthy(),
            Story::default().applied(0.0, "pg1"),
            Story::failover().applied(41.0, "pg1").hit(50.0, "pg1", 45.0, 7).acted(52.0, 55.0, "pg2"),
        ] {
            assert_format(&trace(&story));
        }
    }

    #[test]
    fn counters_end_at_what_was_counted() {
        let trace = trace(&Story::failover());
        let events = trace["traceEvents"].as_array().expect("a list");
        let counts = |word: &str| -> Vec<u64> {
            events.iter().filter_map(|event| event["args"][word].as_u64()).collect()
        };
        assert_eq!(counts("packets").last(), Some(&321));
        let story = Story::failover();
        let acknowledged =
            story.events.iter().filter(|event| event.after["outcome"] == "acknowledged").count();
        assert_eq!(counts("acknowledged").iter().sum::<u64>(), acknowledged as u64);
    }
}
