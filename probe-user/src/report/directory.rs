//! The reports in a run directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{RunResult, html, junit, markdown};

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
    pub(super) fn of(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            json: directory.join("result.json"),
            markdown: directory.join("report.md"),
            html: directory.join("report.html"),
            junit: directory.join("junit.xml"),
        }
    }

    pub(super) fn write(&self, files: &[(&PathBuf, String)]) -> Result<(), ReportError> {
        files.iter().try_for_each(|(path, text)| {
            fs::write(path, text).map_err(|source| ReportError::Write { path: (*path).clone(), source })
        })
    }
}

impl RunResult {
    /// `result.json`: pretty, with a newline at the end.
    pub fn json(&self) -> Result<String, ReportError> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|source| ReportError::Format { format: "JSON", source: source.into() })
    }
}

/// Writes every report of a run into its directory.
pub fn write(directory: &Path, result: &RunResult) -> Result<Paths, ReportError> {
    let paths = Paths::of(directory);
    let junit =
        junit(result).map_err(|source| ReportError::Format { format: "JUnit", source: source.into() })?;
    paths.write(&[
        (&paths.json, result.json()?),
        (&paths.markdown, markdown(result)),
        (&paths.html, html(result)),
        (&paths.junit, junit),
    ])?;
    Ok(paths)
}
