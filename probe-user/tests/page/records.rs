//! Run directories of all kinds, made of one that was recorded: the cut is PostgreSQL's port of the primary, refused.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use netsplit::report::{RunVerdict, rebuild, suite, write};
use serde_json::{Value, json};
use tempfile::TempDir;

const EVENTS: &str = include_str!("sample/events.jsonl");
const SCENARIO: &str = include_str!("sample/scenario.toml");
const SUITE: &str = include_str!("sample/suite.jsonl");

/// A scenario that cuts nothing.
const IDLE: &str = "title = \"Nothing is done to the cluster\"\n[[step]]\nwait = \"2s\"\n\
                    [[expect]]\nthat = \"leader-is\"\nnode = \"pg1\"\n";

/// A directory with reports.
pub(crate) struct Made {
    folder: TempDir,
}

impl Made {
    pub(crate) fn page(&self) -> PathBuf {
        self.folder.path().join("report.html")
    }
}

fn run(events: &str, scenario: &str, verdict: RunVerdict) -> Made {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(written(folder.path(), events, scenario), verdict);
    Made { folder }
}

fn written(folder: &Path, events: &str, scenario: &str) -> RunVerdict {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("events.jsonl"), events).unwrap();
    fs::write(folder.join("scenario.toml"), scenario).unwrap();
    let (result, events) = rebuild(folder).unwrap();
    write(folder, &result, &events).unwrap();
    result.verdict
}

/// As it was recorded: it passed, and two nodes were writable.
pub(crate) fn failover() -> Made {
    run(EVENTS, SCENARIO, RunVerdict::Pass)
}

/// The same with an expectation that was not met.
pub(crate) fn failed() -> Made {
    run(EVENTS, &impatient(), RunVerdict::Fail)
}

fn impatient() -> String {
    SCENARIO.replace("within = \"ttl + loop_wait + 10s\"", "within = \"3s\"")
}

/// netsplit was killed while the cut was in force.
pub(crate) fn broken() -> Made {
    let lines: Vec<&str> = EVENTS.lines().take(260).collect();
    run(&lines.join("\n"), SCENARIO, RunVerdict::Error)
}

/// Nothing was recorded.
pub(crate) fn empty() -> Made {
    run("", SCENARIO, RunVerdict::Error)
}

/// The cut hit nothing.
pub(crate) fn invalid() -> Made {
    run(
        &without(&["\"kind\":\"hit\"", "\"kind\":\"probe\"", "\"kind\":\"reverted\""]),
        SCENARIO,
        RunVerdict::Invalid,
    )
}

/// Nothing was cut, and nobody wrote.
pub(crate) fn idle() -> Made {
    let cut = ["hit", "probe", "reverted", "applied", "write"].map(|kind| format!("\"kind\":\"{kind}\""));
    run(&without(&cut.each_ref().map(String::as_str)), IDLE, RunVerdict::Pass)
}

fn without(what: &[&str]) -> String {
    EVENTS.lines().filter(|line| !what.iter().any(|what| line.contains(what))).collect::<Vec<_>>().join("\n")
        + "\n"
}

/// Eight nodes, half an hour.
pub(crate) fn long() -> Made {
    let first: Value = serde_json::from_str(EVENTS.lines().next().unwrap()).unwrap();
    let begun = first["boot_ns"].as_u64().unwrap();
    let mut text = String::new();
    for line in EVENTS.lines() {
        let mut event: Value = serde_json::from_str(line).unwrap();
        slow_down(&mut event, begun);
        let spare = (4..=8).map(|number| format!("pg{number}-of-a-long-name"));
        if event["kind"] == "environment" {
            let nodes = event["after"]["nodes"].as_array_mut().unwrap();
            nodes.extend(spare.map(Value::from));
        } else if event["node"] == "pg3" {
            for node in spare {
                let mut other = event.clone();
                other["node"] = node.into();
                text.extend([&other.to_string(), "\n"]);
            }
        }
        text.extend([&event.to_string(), "\n"]);
    }
    run(&text, SCENARIO, RunVerdict::Fail)
}

/// Every moment of the boot clock in it, sixty times as long after the beginning.
fn slow_down(value: &mut Value, begun: u64) {
    const HOUR_NS: u64 = 3_600_000_000_000;
    match value {
        Value::Number(number) => {
            let moment = number.as_u64().filter(|number| *number >= begun && *number < begun + HOUR_NS);
            if let Some(moment) = moment {
                *value = (begun + (moment - begun) * 60).into();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| slow_down(value, begun)),
        Value::Object(values) => values.values_mut().for_each(|value| slow_down(value, begun)),
        _ => {}
    }
}

/// A suite of which a scenario passed, one failed, and nobody got to the third.
pub(crate) fn suite() -> Made {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("suite.jsonl"), SUITE).unwrap();
    written(&folder.path().join("primary-isolation-7"), EVENTS, SCENARIO);
    written(&folder.path().join("primary-isolation-8"), EVENTS, &impatient());
    let (result, runs) = suite::rebuild(folder.path()).unwrap();
    suite::write(folder.path(), &result, &runs).unwrap();
    Made { folder }
}

/// A comparison of a drop with a reset, three runs each: under a drop the leader is lost and a session hangs, under a
/// reset neither.
pub(crate) fn comparison() -> Made {
    let folder = tempfile::tempdir().unwrap();
    let factors = json!([{"key": "action", "levels": ["drop", "reset"]}]);
    let plan = json!({"scenario": "moment", "title": "A moment", "description": null, "factors": factors,
        "cells": [["drop"], ["reset"]], "repeat": 5, "seed": 7, "labs": 2});
    let mut notes = vec![json!({"note": "begun", "at": "2026-11-27T12:00:00Z", "plan": plan})];
    for repetition in 1..=5 {
        for (cell, level) in ["drop", "reset"].into_iter().enumerate() {
            let directory = format!("{level}-{repetition}");
            let events = if level == "drop" {
                EVENTS.to_owned() + &session(&json!({"hangs": {"since": at_cut(0.3)}}))
            } else {
                let key = "\"kind\":\"leader-key\",\"before\"";
                let (lost, gained) =
                    (format!("{key}:{{"), format!("{key}:null,\"after\":{{\"holder\":\"pg1\""));
                without(&[&lost, &gained]) + &session(&json!({"ended": "reset"}))
            };
            written(&folder.path().join(&directory), &events, SCENARIO);
            let turn = notes.len();
            notes.push(
                json!({"note": "ran", "cell": cell, "repetition": repetition, "turn": turn, "lab": "x-1",
                "directory": directory, "took_s": 30.0}),
            );
        }
    }
    notes.push(json!({"note": "ended", "took_s": 300.0, "interrupted": false}));
    fs::write(folder.path().join("comparison.jsonl"), lines(&notes)).unwrap();
    let report =
        Command::new(env!("CARGO_BIN_EXE_netsplit")).arg("report").arg(folder.path()).output().unwrap();
    assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stderr));
    Made { folder }
}

/// So many seconds after the cut came into force, by the boot clock.
fn at_cut(seconds: f64) -> u64 {
    let applied = EVENTS.lines().find(|line| line.contains("\"kind\":\"applied\"")).unwrap();
    let applied: Value = serde_json::from_str(applied).unwrap();
    let after = std::time::Duration::from_secs_f64(seconds.abs()).as_nanos();
    let (begun, after) = (applied["boot_ns"].as_u64().unwrap(), u64::try_from(after).unwrap());
    if seconds < 0.0 { begun - after } else { begun + after }
}

/// An open session with the node that is cut: well before the cut, then this, and well again at last.
fn session(then: &Value) -> String {
    let states = [(-1.0, json!("answers")), (1.3, then.clone()), (26.0, json!("answers"))];
    let line = |(seconds, state): (f64, Value)| {
        json!({"wall": "2026-11-27T17:21:38Z", "boot_ns": at_cut(seconds), "node": "pg2", "source": "postgres",
            "kind": "open-session", "before": null, "after": state})
    };
    lines(&states.map(line))
}

/// A JSON value a line.
fn lines(values: &[Value]) -> String {
    values.iter().flat_map(|value| [value.to_string(), "\n".to_owned()]).collect()
}
