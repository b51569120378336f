//! A suite's numbers for Prometheus: its own, and those of all its runs.

use std::collections::BTreeMap;

use prometheus_client::registry::Unit;

use super::SuiteResult;
use crate::{
    exposition::Exposition,
    report::{RunResult, exposition as of_run},
};

/// The numbers of a suite. The runs are by directory.
pub fn exposition(result: &SuiteResult, runs: &BTreeMap<String, RunResult>) -> Exposition {
    let mut out = Exposition::default();
    let suite = || vec![("suite", result.suite.clone()), ("id", result.id.clone())];
    let and = |label: &'static str, word: &str| {
        let mut labels = suite();
        labels.push((label, word.to_owned()));
        labels
    };
    let totals = &result.totals;
    let scenarios = [
        ("passed", totals.passed),
        ("failed", totals.failed),
        ("invalid", totals.invalid),
        ("error", totals.error),
        ("interrupted", totals.interrupted),
        ("not-run", totals.not_run),
    ];
    let scenarios = scenarios.map(|(word, number)| (and("came_to", word), of_run::count(number)));
    out.gauge("suite_scenarios", None, "Scenarios, by the worst that came of them.", scenarios);
    let time =
        [("waiting", result.time.waiting_s), ("labs", result.time.labs_s), ("netsplit", result.time.own_s)];
    let time = time.map(|(word, seconds)| (and("spent_on", word), seconds));
    out.gauge("suite_time", Some(Unit::Seconds), "Where the time went.", time);
    let records = result.scenarios.iter().flat_map(|one| one.runs.iter().map(move |run| (one, run)));
    let runs = records.filter_map(|(one, record)| {
        let directory = record.directory.as_ref()?;
        let mut labels = and("scenario", &one.id);
        labels.extend([("run", directory.clone()), ("repetition", record.repetition.to_string())]);
        Some((labels, runs.get(directory)?))
    });
    of_run::tell(&mut out, &runs.collect::<Vec<_>>());
    out
}
