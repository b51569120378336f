//! The reports in a suite's directory.

use std::{collections::BTreeMap, path::Path};

use super::{SuiteResult, html, junit, markdown};
use crate::{
    journal::JournalError,
    report::{
        Paths, ReportError, RunResult,
        directory::{Formats, name, pretty},
        rebuild as rebuild_run,
    },
    suite::{Note, read_journal},
};

/// Why a suite cannot be judged again.
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

impl SuiteResult {
    /// `result.json`: pretty, with a newline at the end.
    pub fn json(&self) -> Result<String, ReportError> {
        pretty(self)
    }
}

/// Writes every report of a suite into its directory. The runs are by directory.
pub fn write(
    directory: &Path,
    result: &SuiteResult,
    runs: &BTreeMap<String, RunResult>,
) -> Result<Paths, ReportError> {
    let formats = Formats {
        json: result.json()?,
        markdown: markdown(result),
        html: html(result),
        junit: junit(result, runs),
    };
    formats.write(directory)
}

/// Judges a suite again, from its journal and its runs' records alone, and rebuilds the runs' own reports. A run whose
/// record cannot be read counts as one without.
pub fn rebuild(directory: &Path) -> Result<(SuiteResult, BTreeMap<String, RunResult>), RebuildError> {
    let notes = read_journal(directory)?;
    let mut runs = BTreeMap::new();
    for note in &notes {
        let (Note::Ran { directory: Some(run), .. } | Note::Runs { directory: run, .. }) = note else {
            continue;
        };
        if runs.contains_key(run) {
            continue;
        }
        let place = directory.join(run);
        if let Ok((result, events)) = rebuild_run(&place) {
            crate::report::write(&place, &result, &events)?;
            runs.insert(run.clone(), result);
        }
    }
    Ok((SuiteResult::of(&name(directory), &notes, &runs), runs))
}
