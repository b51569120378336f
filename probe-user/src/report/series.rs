//! What reports of several runs have in common: a journal, and the runs' own records beside it.

use std::{collections::BTreeMap, path::Path};

use super::{ReportError, RunResult, rebuild, write};
use crate::{journal::JournalError, record::Event};

/// Why the record of several runs, or its reports, could not be kept or made again.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SeriesError {
    /// The journal.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Journal(#[from] JournalError),
    /// The reports.
    #[error(transparent)]
    Report(#[from] ReportError),
}

/// Judges each of these runs again and rebuilds its reports; by directory, each once. `seen` gets its events. A run whose
/// record cannot be read is left out.
pub(super) fn rebuild_runs<'n>(
    directory: &Path,
    names: impl IntoIterator<Item = &'n str>,
    mut seen: impl FnMut(&str, &[Event]),
) -> Result<BTreeMap<String, RunResult>, ReportError> {
    let mut runs = BTreeMap::new();
    for name in names {
        if runs.contains_key(name) {
            continue;
        }
        let place = directory.join(name);
        if let Ok((result, events)) = rebuild(&place) {
            write(&place, &result, &events)?;
            seen(name, &events);
            runs.insert(name.to_owned(), result);
        }
    }
    Ok(runs)
}
