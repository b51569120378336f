//! Where the time of a suite went: to the cluster, to labs, or to netsplit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::RunResult;

/// How the wall time of a suite divides; all in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct TimeSplit {
    /// From the beginning of the suite to its end.
    pub wall_s: f64,
    /// Waiting for Patroni: steps that wait or act, a healthy cluster before the first step, healing.
    pub waiting_s: f64,
    /// Making and removing labs.
    pub labs_s: f64,
    /// Everything else: starting observers, applying and reverting cuts, reading rows back, reports.
    pub own_s: f64,
    /// The last as a part of the wall time, in percent.
    pub own_percent: f64,
}

impl TimeSplit {
    /// What is neither waiting nor making labs is netsplit's own.
    pub fn new(wall_s: f64, waiting_s: f64, labs_s: f64) -> Self {
        let own_s = (wall_s - waiting_s - labs_s).max(0.0);
        let own_percent = (percent(own_s, wall_s) * 10.0).round() / 10.0;
        let [wall_s, waiting_s, labs_s, own_s] = [wall_s, waiting_s, labs_s, own_s].map(milliseconds);
        Self { wall_s, waiting_s, labs_s, own_s, own_percent }
    }

    /// The waiting as a part of the wall time, in percent.
    pub fn waiting_percent(&self) -> f64 {
        percent(self.waiting_s, self.wall_s)
    }

    /// The making of labs as a part of the wall time, in percent.
    pub fn labs_percent(&self) -> f64 {
        percent(self.labs_s, self.wall_s)
    }
}

/// How long a run's steps waited for the cluster, in seconds: all of them but those that cut, revert and put back.
pub(super) fn waited_s(run: &RunResult) -> f64 {
    let ours = |what: &str| ["apply ", "revert", "put back"].iter().any(|word| what.starts_with(word));
    let waits = run.steps.iter().filter(|step| !ours(&step.what));
    waits.filter_map(|step| Some(step.to_s? - step.from_s)).sum()
}

/// Seconds to the millisecond: what is more than that nobody can tell.
pub(super) fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole * 100.0 } else { 0.0 }
}
