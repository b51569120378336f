//! The reports in a run directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{RunResult, html, junit, markdown};
use crate::record::Event;

/// The scenario's text, as it was run.
pub const SCENARIO: &str = "scenario.toml";
/// The cluster as it was run on, without its password.
pub const INVENTORY: &str = "inventory.toml";

/// Where the reports of a run are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The run directory.
    pub directory: PathBuf,
    /// `result.json`.
    pub json: PathBuf,
    /// `report.md`.
    pub markdown: PathBuf,
    /// `report.html`.
    pub html: PathBuf,
    /// `junit.xml`.
    pub junit: PathBuf,
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file cannot be written.
    #[error("{path} cannot be written; `netsplit report` rebuilds it from the run's events")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The result cannot be put in this format.
    #[error("the result cannot be written as {format}")]
    Format {
        /// The format.
        format: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Paths {
    fn of(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            json: directory.join("result.json"),
            markdown: directory.join("report.md"),
            html: directory.join("report.html"),
            junit: directory.join("junit.xml"),
        }
    }
}

/// Pretty JSON, with a newline at the end.
pub(super) fn pretty(result: &impl Serialize) -> Result<String, ReportError> {
    serde_json::to_string_pretty(result)
        .map(|text| text + "\n")
        .map_err(|source| ReportError::Format { format: "JSON", source: source.into() })
}

/// A directory's own name, which is its run's or its suite's id. `.` and `..` have names, too.
pub(crate) fn name(directory: &Path) -> String {
    let whole = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    whole.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The same report in every format.
pub(super) struct Formats {
    pub(super) json: String,
    pub(super) markdown: String,
    pub(super) html: String,
    pub(super) junit: Result<String, quick_junit::SerializeError>,
}

impl Formats {
    /// Writes each into its file in the directory, whole.
    pub(super) fn write(self, directory: &Path) -> Result<Paths, ReportError> {
        let paths = Paths::of(directory);
        let junit =
            self.junit.map_err(|source| ReportError::Format { format: "JUnit", source: source.into() })?;
        for (path, text) in [
            (&paths.json, self.json),
            (&paths.markdown, self.markdown),
            (&paths.html, self.html),
            (&paths.junit, junit),
        ] {
            fs::write(path, text).map_err(|source| ReportError::Write { path: path.clone(), source })?;
        }
        Ok(paths)
    }
}

impl RunResult {
    /// `result.json`: pretty, with a newline at the end.
    pub fn json(&self) -> Result<String, ReportError> {
        pretty(self)
    }
}

/// Writes every report of a run into its directory.
///
/// `events` are those that it was judged by: the page draws them.
pub fn write(directory: &Path, result: &RunResult, events: &[Event]) -> Result<Paths, ReportError> {
    let formats = Formats {
        json: result.json()?,
        markdown: markdown(result),
        html: html(result, events),
        junit: junit(result),
    };
    formats.write(directory)
}
