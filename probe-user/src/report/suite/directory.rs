//! The reports in a suite's directory.

use std::{collections::BTreeMap, path::Path};

use super::{SuiteResult, html, junit, markdown};
use crate::{
    report::{
        Paths, ReportError, RunResult, SeriesError,
        directory::{Formats, name, pretty},
        series::rebuild_runs,
    },
    suite::{Note, read_journal},
};

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
pub fn rebuild(directory: &Path) -> Result<(SuiteResult, BTreeMap<String, RunResult>), SeriesError> {
    let notes = read_journal(directory)?;
    let names = notes.iter().filter_map(|note| match note {
        Note::Ran { directory: Some(run), .. } | Note::Runs { directory: run, .. } => Some(run.as_str()),
        _ => None,
    });
    let runs = rebuild_runs(directory, names, |_, _| {})?;
    Ok((SuiteResult::of(&name(directory), &notes, &runs), runs))
}
