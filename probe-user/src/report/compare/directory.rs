//! The reports in a comparison's directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Pictures, essence, html, markdown, runs_csv, summary_csv};
use crate::{
    compare::{Comparison, Note, Run, read_journal},
    record::{EVENTS_FILE, read_events},
    report::{
        ReportError, SeriesError,
        directory::{name, pretty},
        lanes::lanes,
        series::rebuild_runs,
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

impl Comparison {
    /// `result.json`: pretty, with a newline at the end.
    pub fn json(&self) -> Result<String, ReportError> {
        pretty(self)
    }
}

/// Writes every report of a comparison into its directory, in which its runs lie.
pub(crate) fn write(
    directory: &Path,
    comparison: &Comparison,
    pictures: &Pictures,
) -> Result<Paths, ReportError> {
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
        (&paths.html, html(comparison, pictures)),
        (&paths.runs, runs_csv(comparison)?),
        (&paths.summary, summary_csv(comparison)?),
    ] {
        fs::write(path, text).map_err(|source| ReportError::Write { path: path.clone(), source })?;
    }
    Ok(paths)
}

/// What the runs that count looked like, as far as their records can be read.
pub(crate) fn pictures(directory: &Path, comparison: &Comparison) -> Pictures {
    let runs = comparison.cells.iter().flat_map(|cell| &cell.runs).filter(|run| run.counts);
    let picture = |run: &Run| {
        let events = read_events(&directory.join(&run.directory).join(EVENTS_FILE)).ok()?;
        Some((run.directory.clone(), essence(lanes(&events))))
    };
    runs.filter_map(picture).collect()
}

/// Counts a comparison again, from its journal and its runs' records alone, and rebuilds the runs' own reports; with what its
/// runs looked like. A run whose record cannot be read counts as one without.
pub(crate) fn rebuild(directory: &Path) -> Result<(Comparison, Pictures), SeriesError> {
    let notes = read_journal(directory)?;
    let names = notes.iter().filter_map(|note| match note {
        Note::Ran { directory: run, .. } => Some(run.as_str()),
        _ => None,
    });
    let mut pictures = Pictures::new();
    let runs = rebuild_runs(directory, names, |name, events| {
        pictures.insert(name.to_owned(), essence(lanes(events)));
    })?;
    Ok((Comparison::of(&name(directory), &notes, &runs), pictures))
}
