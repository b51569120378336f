//! From a run directory back to a result.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use miette::Diagnostic;

use super::{RunResult, SCENARIO, directory::name};
use crate::{
    document::Rejected,
    record::{EVENTS_FILE, Environment, Event, Kind, RecordError, read_events},
    scenario::Scenario,
};

/// Why a run cannot be judged again.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum RebuildError {
    /// Its events cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Its scenario cannot be read.
    #[error("{path} cannot be read; it is the scenario that the run kept")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its scenario cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Scenario(#[from] Rejected),
}

/// Judges a run again, from its events and its scenario alone; with the events, which its page draws.
pub fn rebuild(directory: &Path) -> Result<(RunResult, Vec<Event>), RebuildError> {
    let events = read_events(&directory.join(EVENTS_FILE))?;
    let path = directory.join(SCENARIO);
    let text =
        fs::read_to_string(&path).map_err(|source| RebuildError::Read { path: path.clone(), source })?;
    let environment = events.iter().find(|event| event.kind == Kind::Environment);
    let environment: Option<Environment> = environment.and_then(Event::after_as);
    let scenario = environment.map_or_else(|| "scenario".to_owned(), |environment| environment.scenario);
    let scenario = Scenario::parse(&path.display().to_string(), &scenario, &text)?;
    Ok((RunResult::of(&name(directory), &scenario, &events), events))
}
