//! Run directories of all kinds, made of one that was recorded: the cut is PostgreSQL's port of the primary, refused.

use std::{
    fs,
    path::{Path, PathBuf},
};

use netsplit::report::{RunVerdict, rebuild, suite, write};
use serde_json::Value;
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
