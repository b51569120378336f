//! The reports in a comparison's directory.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{Pictures, essence, html, markdown, runs_csv, summary_csv};
use crate::{
    compare::{Comparison, Note, Run, read_journal},
    journal::JournalError,
    record::{EVENTS_FILE, read_events},
    report::{
        ReportError,
        directory::{name, pretty},
        lanes::lanes,
        rebuild as rebuild_run,
    },
};

/// The files of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// `report.html`.
    pub html: PathBuf,
    /// `report.md`.
    pub markdown: PathBuf,
    /// `result.json`.
    pub json: PathBuf,
    /// `runs.csv`.
    pub runs: PathBuf,
    /// `summary.csv`.
    pub summary: PathBuf,
}

/// Why a comparison cannot be counted again.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RebuildError {
    /// Its journal cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Journal(#[from] JournalError),
    /// A run's reports cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
}

impl Comparison {
    /// `result.json`: pretty, with a newline at the end.
    pub fn json(&self) -> Result<String, ReportError> {
        pretty(self)
    }
}

/// Writes every report of a comparison into its directory, in which its runs lie.
pub fn write(directory: &Path, comparison: &Comparison) -> Result<Paths, ReportError> {
    let paths = Paths {
        html: directory.join("report.html"),
        markdown: directory.join("report.md"),
        json: directory.join("result.json"),
        runs: directory.join("runs.csv"),
        summary: directory.join("summary.csv"),
    };
    for (path, text) in [
        (&paths.json, comparison.json()?),
        (&paths.markdown, markdown(comparison)),
        (&paths.html, html(comparison, &pictures(directory, comparison))),
        (&paths.runs, runs_csv(comparison)?),
        (&paths.summary, summary_csv(comparison)?),
    ] {
        fs::write(path, text).map_err(|source| ReportError::Write { path: path.clone(), source })?;
    }
    Ok(paths)
}

/// What the runs that count looked like, as far as their records can be read.
fn pictures(directory: &Path, comparison: &Comparison) -> Pictures {
    let runs = comparison.cells.iter().flat_map(|cell| &cell.runs).filter(|run| run.counts);
    let picture = |run: &Run| {
        let events = read_events(&directory.join(&run.directory).join(EVENTS_FILE)).ok()?;
        Some((run.directory.clone(), essence(lanes(&events))))
    };
    runs.filter_map(picture).collect()
}

/// Counts a comparison again, from its journal and its runs' records alone, and rebuilds the runs' own reports. A run whose
/// record cannot be read counts as one without.
pub fn rebuild(directory: &Path) -> Result<Comparison, RebuildError> {
    let notes = read_journal(directory)?;
    let mut runs = BTreeMap::new();
    for note in &notes {
        let Note::Ran { directory: run, .. } = note else { continue };
        let place = directory.join(run);
        if let Ok((result, events)) = rebuild_run(&place) {
            crate::report::write(&place, &result, &events)?;
            runs.insert(run.clone(), result);
        }
    }
    Ok(Comparison::of(&name(directory), &notes, &runs))
}
