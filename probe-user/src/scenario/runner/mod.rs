//! The runner: goes through a scenario, and always takes its cuts away.
//!
//! 1. The cluster must be what the scenario needs, watched, and healthy.
//! 2. The steps, in order. What is waited for and does not come is for the expectations to judge, unless the
//!    step is `required`.
//! 3. Every cut is reverted, and what actions left behind is put back (what is paused goes on, what was stopped is
//!    started, maintenance mode is switched off): at the end, on an error, on an interrupt, on a panic (by drop).
//! 4. The observers end; the client's rows are read back.
//! 5. The record is judged and the reports are written, also when the run went wrong.

mod attempt;
mod cuts;
mod environment;
mod live;
mod parts;
#[cfg(test)]
mod tests;
mod world;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use attempt::{Attempt, Stop};
pub use live::{Notice, Progress};
use serde_json::Value;
pub use world::{Failure, Kernel, Watching, World};

use super::{ApplyStep, CutSource, Deed, Scenario, Step};
use crate::{
    cluster::{Inventory, InventoryError},
    document::LoadError,
    policy::Policy,
    record::{Event, Kind, RecordError, Recorder, Source, StepMark},
    report::{self, END_OF_RUN, INTERRUPTED, INVENTORY, Paths, ReportError, RunResult, SCENARIO},
};

/// How long the rows are read back at the end, and how long after a run that ended early: it is judged as that anyway.
const LAST_CHECK: Duration = Duration::from_secs(20);
const HASTY_CHECK: Duration = Duration::from_secs(3);

/// Why a run could not even begin, or its reports not be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RunError {
    /// A policy that the scenario names cannot be used.
    #[error("`{scenario}` applies a policy that cannot be used")]
    Policy {
        /// The scenario.
        scenario: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        source: LoadError,
    },
    /// The record cannot be kept.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The inventory cannot be kept beside it.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Inventory(#[from] InventoryError),
    /// The scenario cannot be kept beside it.
    #[error("{path} cannot be written")]
    Keep {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The reports cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
}

/// A scenario and what its steps name, read before anything is touched.
#[derive(Clone, Debug)]
pub struct Prepared {
    scenario: Scenario,
    /// One for each step; `None` where it applies nothing.
    policies: Vec<Option<Policy>>,
}

impl Prepared {
    /// Reads what the scenario names; files are relative to `folder`, the scenario's own.
    pub fn new(scenario: Scenario, folder: &Path) -> Result<Self, RunError> {
        Self::reading(scenario, |file| Policy::load(&folder.join(file)))
    }

    /// As [`Prepared::new`], with another way from the files that the scenario names to policies.
    pub fn reading(
        scenario: Scenario,
        mut read: impl FnMut(&Path) -> Result<Policy, LoadError>,
    ) -> Result<Self, RunError> {
        let policy = |step: &Step| match &step.deed {
            Deed::Apply(ApplyStep { source: CutSource::Inline(policy), .. }) => Ok(Some(policy.clone())),
            Deed::Apply(ApplyStep { source: CutSource::File(file), .. }) => read(file)
                .map(Some)
                .map_err(|source| RunError::Policy { scenario: scenario.id.clone(), source }),
            _ => Ok(None),
        };
        let policies = scenario.steps.iter().map(policy).collect::<Result<_, _>>()?;
        Ok(Self { scenario, policies })
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The policies that it applies, in the order of its steps.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter().flatten()
    }
}

/// Runs a scenario into a new run directory.
///
/// Whatever happens after the record was begun becomes a verdict, not an error. `stop` is asked often; once it
/// says so, the run reverts its cuts, reports what it has, and ends.
pub fn run(
    prepared: &Prepared,
    inventory: &Inventory,
    directory: &Path,
    world: &dyn World,
    stop: &(dyn Fn() -> bool + Sync),
    progress: &mut dyn Progress,
) -> Result<(RunResult, Paths), RunError> {
    let scenario = &prepared.scenario;
    let recorder = Recorder::create(directory)?;
    keep(directory, scenario, inventory)?;
    let sink = recorder.sink();
    let environment = environment::environment(&scenario.id, inventory);
    sink.send(event(Source::Scenario, Kind::Environment, &environment));

    let outcome = {
        let mut attempt = Attempt::new(prepared, inventory, &recorder, world, stop, progress);
        let outcome = attempt.go();
        let ended = attempt.end(if outcome.is_err() { HASTY_CHECK } else { LAST_CHECK });
        outcome.and(ended)
    };
    let error = outcome.err().map(|stop| match stop {
        Stop::Interrupted => INTERRUPTED.to_owned(),
        Stop::Failed(why) => why,
    });
    let index = scenario.steps.len();
    let what = END_OF_RUN.to_owned();
    let mark = StepMark { index, name: None, what, phase: "end".to_owned(), error, action: None };
    sink.send(event(Source::Scenario, Kind::Step, &mark));

    let kept = recorder.events();
    let (events, lost) = match recorder.finish() {
        Ok(events) => (events, None),
        Err(error) => (kept, Some(error)),
    };
    let id = directory.file_name().unwrap_or_default().to_string_lossy();
    let result = RunResult::of(&id, scenario, &events);
    let paths = report::write(directory, &result, &events)?;
    lost.map_or(Ok((result, paths)), |error| Err(error.into()))
}

fn keep(directory: &Path, scenario: &Scenario, inventory: &Inventory) -> Result<(), RunError> {
    let path = directory.join(SCENARIO);
    fs::write(&path, &scenario.text).map_err(|source| RunError::Keep { path, source })?;
    let mut inventory = inventory.clone();
    "(not kept)".clone_into(&mut inventory.postgres.password);
    Ok(inventory.save(&directory.join(INVENTORY))?)
}

fn event(source: Source, kind: Kind, payload: &impl serde::Serialize) -> Event {
    Event::now(None, source, kind, Value::Null, serde_json::to_value(payload).unwrap_or_default())
}
