//! A suite, judged: what stands in its `result.json`.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    killed,
    time::{TimeSplit, milliseconds, waited_s},
};
use crate::{
    record::{Environment, Metrics},
    report::{RunResult, RunVerdict, deviation::deviations, deviation::measured},
    scenario::{Judgement, Row},
    suite::{Note, SectionOutline, TurnOutline},
};

/// The version of a suite's `result.json`.
pub const SUITE_SCHEMA: u32 = 1;

/// A suite and its verdict.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct SuiteResult {
    /// [`SUITE_SCHEMA`].
    pub schema: u32,
    /// The suite's stable name.
    pub suite: String,
    /// The name of its directory.
    pub id: String,
    /// What is tested.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// What written procedure it is.
    pub source: Option<String>,
    /// The worst verdict of its runs; `interrupted`, if it was.
    pub verdict: SuiteVerdict,
    /// Why not all of it was run, in a sentence.
    pub reason: Option<String>,
    /// When it began.
    pub begun: Option<Timestamp>,
    /// How often each scenario was to be run.
    pub repeat: u32,
    /// How many scenarios came to what.
    pub totals: Totals,
    /// Where the time went.
    pub time: TimeSplit,
    /// What it ran on: one for each cluster that differs from the others.
    pub environments: Vec<Environment>,
    /// How the cluster was brought to health before the first scenario.
    pub healing: Option<Healing>,
    /// Labs that were made and removed.
    pub labs: Vec<LabRecord>,
    /// Every scenario, in order, whether it was run or not.
    pub scenarios: Vec<ScenarioRecord>,
}

/// A verdict within a suite, from good to bad: each shows less than the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuiteVerdict {
    /// As expected, and the cluster came back.
    Pass,
    /// An expectation was not met, or the cluster did not come back.
    Fail,
    /// A cut never hit a packet that it had to hit.
    Invalid,
    /// The run could not be made or judged.
    Error,
    /// Nobody got to it.
    NotRun,
    /// Somebody stopped it.
    Interrupted,
}

/// How many scenarios came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Totals {
    /// All of them.
    pub scenarios: usize,
    /// Those that passed every time.
    pub passed: usize,
    /// Those that failed at least once.
    pub failed: usize,
    /// Those that were invalid.
    pub invalid: usize,
    /// Those that could not be made or judged.
    pub error: usize,
    /// Those that somebody stopped.
    pub interrupted: usize,
    /// Those that nobody got to.
    pub not_run: usize,
    /// Runs.
    pub runs: usize,
    /// Runs that passed.
    pub runs_passed: usize,
}

/// A scenario of a suite.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct ScenarioRecord {
    /// Its id.
    pub id: String,
    /// What is asked.
    pub title: String,
    /// The row of the procedure that it is.
    pub row: Option<Row>,
    /// What the procedure claims about it.
    pub document: Option<String>,
    /// The heading that it stands under.
    pub section: Option<String>,
    /// The worst of its runs.
    pub verdict: SuiteVerdict,
    /// Why it is not `pass`, in a sentence.
    pub reason: Option<String>,
    /// What was measured, expectation by expectation, in the run that decided.
    pub measured: Vec<String>,
    /// Where its cluster disagrees with the procedure, a sentence each.
    pub deviations: Vec<String>,
    /// How many of its runs passed.
    pub passed: usize,
    /// Its runs, in order.
    pub runs: Vec<RunRecord>,
}

/// One run of a scenario.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct RunRecord {
    /// Which time this was, from 1.
    pub repetition: u32,
    /// The run directory within the suite's; `null` where it did not come to a run.
    pub directory: Option<String>,
    /// What came of it, the cluster's way back included.
    pub verdict: SuiteVerdict,
    /// Why it is not `pass`.
    pub reason: Option<String>,
    /// How long it took.
    pub seconds: f64,
    /// Of these: waiting for the cluster.
    pub waiting_s: f64,
    /// Each expectation and what became of it.
    pub expectations: Vec<Judgement>,
    /// The numbers.
    pub metrics: Option<Metrics>,
    /// The lab's name, where it ran on one.
    pub lab: Option<String>,
    /// How the cluster was brought back to health after it.
    pub healing: Option<Healing>,
}

/// How a cluster was brought to health.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Healing {
    /// How long it took, or was tried.
    pub seconds: f64,
    /// What had to be mended, in words.
    pub mended: Vec<String>,
    /// Why it is not healthy; `null` where it is.
    pub lost: Option<String>,
}

/// A lab that was made or removed.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct LabRecord {
    /// Its name.
    pub lab: String,
    /// What for.
    pub why: String,
    /// How long it took.
    pub seconds: f64,
    /// Why it failed.
    pub error: Option<String>,
}

impl fmt::Display for SuiteVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Invalid => "INVALID",
            Self::Error => "ERROR",
            Self::NotRun => "NOT RUN",
            Self::Interrupted => "INTERRUPTED",
        })
    }
}

/// What came of one run in a suite, and why it is not `pass`: of its record, of the error that took its place, and of
/// the cluster after it.
pub fn judge(
    result: Option<&RunResult>,
    error: Option<&str>,
    lost: Option<&str>,
) -> (SuiteVerdict, Option<String>) {
    let (verdict, reason) = match result {
        Some(result) if result.interrupted => (SuiteVerdict::Interrupted, result.reason.clone()),
        Some(result) => {
            let verdict = match result.verdict {
                RunVerdict::Pass => SuiteVerdict::Pass,
                RunVerdict::Fail => SuiteVerdict::Fail,
                RunVerdict::Invalid => SuiteVerdict::Invalid,
                RunVerdict::Error => SuiteVerdict::Error,
            };
            (verdict, result.reason.clone())
        }
        None => (SuiteVerdict::Error, Some(error.unwrap_or("there is no record of it").to_owned())),
    };
    let Some(lost) = lost else { return (verdict, reason) };
    let lost = format!("the cluster did not come back: {lost}");
    let reason = reason.map_or_else(|| lost.clone(), |reason| format!("{reason}; {lost}"));
    (verdict.max(SuiteVerdict::Fail), Some(reason))
}

impl SuiteResult {
    /// Judges a suite from its journal and its runs, by directory. `id` is the name of its own directory. Pure.
    pub fn of(id: &str, notes: &[Note], runs: &BTreeMap<String, RunResult>) -> Self {
        let outline = notes.iter().find_map(|note| match note {
            Note::Begun { at, suite } => Some((*at, suite.clone())),
            _ => None,
        });
        let (begun, suite) = outline.map_or((None, None), |(at, suite)| (Some(at), Some(suite)));
        let sections = suite.as_ref().map(|suite| suite.sections.as_slice()).unwrap_or_default();
        let turns =
            sections.iter().flat_map(|section| section.scenarios.iter().map(move |turn| (section, turn)));
        let scenarios: Vec<_> = turns.map(|(section, turn)| scenario(section, turn, notes, runs)).collect();
        let (ended, interrupted, stopped) = notes
            .iter()
            .find_map(|note| match note {
                Note::Ended { took_s, interrupted, stopped } => {
                    Some((Some(*took_s), *interrupted, stopped.clone()))
                }
                _ => None,
            })
            .unwrap_or_else(|| (None, false, Some(killed::in_words(notes))));
        let worst = scenarios.iter().map(|one| one.verdict).max().unwrap_or(SuiteVerdict::Error);
        let verdict = match worst {
            _ if interrupted => SuiteVerdict::Interrupted,
            // What kept scenarios from being run has a verdict of its own, if it was one of them.
            SuiteVerdict::NotRun => {
                let ran = scenarios.iter().map(|one| one.verdict).filter(|one| *one != SuiteVerdict::NotRun);
                ran.max().filter(|ran| *ran != SuiteVerdict::Pass).unwrap_or(SuiteVerdict::Error)
            }
            worst => worst,
        };
        let reason = if interrupted { Some("interrupted".to_owned()) } else { stopped };
        let suite_text = |text: fn(&crate::suite::Outline) -> Option<String>| suite.as_ref().and_then(text);
        Self {
            schema: SUITE_SCHEMA,
            suite: suite_text(|suite| Some(suite.id.clone())).unwrap_or_default(),
            id: id.to_owned(),
            title: suite_text(|suite| Some(suite.title.clone())).unwrap_or_default(),
            description: suite_text(|suite| suite.description.clone()),
            source: suite_text(|suite| suite.source.clone()),
            verdict,
            reason,
            begun,
            repeat: suite.as_ref().map_or(1, |suite| suite.repeat),
            totals: totals(&scenarios),
            time: time(notes, &scenarios, ended),
            environments: environments(&scenarios, runs),
            healing: healing(notes, None, 1),
            labs: labs(notes),
            scenarios,
        }
    }

    /// The result of the scenario of this id.
    pub fn scenario(&self, id: &str) -> Option<&ScenarioRecord> {
        self.scenarios.iter().find(|one| one.id == id)
    }
}

fn scenario(
    section: &SectionOutline,
    turn: &TurnOutline,
    notes: &[Note],
    results: &BTreeMap<String, RunResult>,
) -> ScenarioRecord {
    let mut runs = Vec::new();
    // The run that decides: the first of the worst.
    let mut decided: Option<(SuiteVerdict, Option<&RunResult>)> = None;
    let ends = killed::unended(notes);
    for note in notes.iter().chain(&ends) {
        let Note::Ran { scenario, repetition, directory, took_s, health_s, error } = note else { continue };
        if *scenario != turn.id {
            continue;
        }
        let result = directory.as_ref().and_then(|directory| results.get(directory));
        let healing = healing(notes, Some(scenario), *repetition);
        let lost = healing.as_ref().and_then(|healing| healing.lost.as_deref());
        let (verdict, reason) = judge(result, error.as_deref(), lost);
        if decided.as_ref().is_none_or(|(worst, _)| verdict > *worst) {
            decided = Some((verdict, result));
        }
        let environment = result.and_then(|result| result.environment.as_ref());
        runs.push(RunRecord {
            repetition: *repetition,
            directory: directory.clone(),
            verdict,
            reason,
            seconds: milliseconds(*took_s),
            waiting_s: milliseconds(health_s + result.map_or(0.0, waited_s)),
            expectations: result.map(|result| result.expectations.clone()).unwrap_or_default(),
            metrics: result.map(|result| result.metrics.clone()),
            lab: environment.and_then(|environment| environment.lab.as_ref()).map(|lab| lab.name.clone()),
            healing,
        });
    }
    let (verdict, result) = decided.unwrap_or((SuiteVerdict::NotRun, None));
    let reason = runs.iter().find(|run| run.verdict == verdict).and_then(|run| run.reason.clone());
    ScenarioRecord {
        id: turn.id.clone(),
        title: turn.title.clone(),
        row: turn.row.clone(),
        document: turn.document.clone(),
        section: section.title.clone(),
        verdict,
        reason,
        measured: result.map(measured).unwrap_or_default(),
        deviations: result.map(deviations).unwrap_or_default(),
        passed: runs.iter().filter(|run| run.verdict == SuiteVerdict::Pass).count(),
        runs,
    }
}

fn healing(notes: &[Note], scenario: Option<&str>, time: u32) -> Option<Healing> {
    notes.iter().find_map(|note| match note {
        Note::Healed { after, repetition, took_s, mended, lost }
            if after.as_deref() == scenario && *repetition == time =>
        {
            Some(Healing { seconds: milliseconds(*took_s), mended: mended.clone(), lost: lost.clone() })
        }
        _ => None,
    })
}

fn labs(notes: &[Note]) -> Vec<LabRecord> {
    let labs = notes.iter().filter_map(|note| match note {
        Note::Lab { lab, why, took_s, error, .. } => Some(LabRecord {
            lab: lab.clone(),
            why: why.clone(),
            seconds: milliseconds(*took_s),
            error: error.clone(),
        }),
        _ => None,
    });
    labs.collect()
}

fn totals(scenarios: &[ScenarioRecord]) -> Totals {
    let count = |verdict| scenarios.iter().filter(|one| one.verdict == verdict).count();
    Totals {
        scenarios: scenarios.len(),
        passed: count(SuiteVerdict::Pass),
        failed: count(SuiteVerdict::Fail),
        invalid: count(SuiteVerdict::Invalid),
        error: count(SuiteVerdict::Error),
        interrupted: count(SuiteVerdict::Interrupted),
        not_run: count(SuiteVerdict::NotRun),
        runs: scenarios.iter().map(|one| one.runs.len()).sum(),
        runs_passed: scenarios.iter().map(|one| one.passed).sum(),
    }
}

fn time(notes: &[Note], scenarios: &[ScenarioRecord], ended: Option<f64>) -> TimeSplit {
    let runs = || scenarios.iter().flat_map(|one| &one.runs);
    let healing: f64 =
        notes.iter().map(|note| if let Note::Healed { took_s, .. } = note { *took_s } else { 0.0 }).sum();
    let labs: f64 =
        notes.iter().map(|note| if let Note::Lab { took_s, .. } = note { *took_s } else { 0.0 }).sum();
    let waiting = runs().map(|run| run.waiting_s).sum::<f64>() + healing;
    // Of a suite that was killed, what is known is all there is.
    let wall = ended.unwrap_or_else(|| runs().map(|run| run.seconds).sum::<f64>() + healing + labs);
    TimeSplit::new(wall, waiting, labs)
}

/// The clusters that differ, each as its first run found it.
fn environments(scenarios: &[ScenarioRecord], runs: &BTreeMap<String, RunResult>) -> Vec<Environment> {
    let mut found: Vec<Environment> = Vec::new();
    let directories = scenarios.iter().flat_map(|one| &one.runs).filter_map(|run| run.directory.as_ref());
    for environment in directories.filter_map(|name| runs.get(name)?.environment.as_ref()) {
        let same = |known: &&Environment| {
            Environment { scenario: known.scenario.clone(), ..environment.clone() } == **known
        };
        if !found.iter().any(|known| same(&known)) {
            found.push(environment.clone());
        }
    }
    found
}
