//! The reports in a suite's directory.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{SuiteResult, html, junit, markdown};
use crate::{
    report::{Paths, ReportError, RunResult, directory::write_files, rebuild as rebuild_run},
    suite::{JournalError, Note, read_journal},
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
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|source| ReportError::Format { format: "JSON", source: source.into() })
    }
}

/// Writes every report of a suite into its directory. The runs are by directory.
pub fn write(
    directory: &Path,
    result: &SuiteResult,
    runs: &BTreeMap<String, RunResult>,
) -> Result<Paths, ReportError> {
    let paths = Paths::of(directory);
    let junit = junit(result, runs)
        .map_err(|source| ReportError::Format { format: "JUnit", source: source.into() })?;
    write_files(&[
        (&paths.json, result.json()?),
        (&paths.markdown, markdown(result)),
        (&paths.html, html(result)),
        (&paths.junit, junit),
    ])?;
    Ok(paths)
}

/// Judges a suite again, from its journal and its runs' records alone, and rebuilds the runs' own reports. A run whose
/// record cannot be read counts as one without.
pub fn rebuild(directory: &Path) -> Result<(SuiteResult, BTreeMap<String, RunResult>), RebuildError> {
    let notes = read_journal(directory)?;
    let mut runs = BTreeMap::new();
    for note in &notes {
        let (Note::Ran { directory: Some(name), .. } | Note::Runs { directory: name, .. }) = note else {
            continue;
        };
        if runs.contains_key(name) {
            continue;
        }
        let run = directory.join(name);
        if let Ok(result) = rebuild_run(&run) {
            crate::report::write(&run, &result)?;
            runs.insert(name.clone(), result);
        }
    }
    // `.` and `..` have names, too.
    let whole: PathBuf = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    let id = whole.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((SuiteResult::of(&id, &notes, &runs), runs))
}
