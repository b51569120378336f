//! What a comparison knows beyond the records of its runs, a JSON object a line.

use std::path::Path;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Factor;
use crate::journal::{self, JournalError};

/// The journal's file in a comparison's directory.
pub const JOURNAL: &str = "comparison.jsonl";

/// One line of it.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
pub enum Note {
    /// The comparison began; always the first line.
    Begun {
        /// When.
        at: Timestamp,
        /// What is to be run.
        plan: Plan,
    },
    /// A lab was made or healed, or could not be.
    Lab {
        /// Its name.
        lab: String,
        /// `made`, `healed` or `removed`.
        what: String,
        /// Seconds.
        took_s: f64,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A run ended, or could not be made.
    Ran {
        /// The combination's place, from 0.
        cell: usize,
        /// Which time it ran, from 1.
        repetition: u32,
        /// Its place among all runs, from 1, in the order in which they began.
        turn: usize,
        /// The lab's or the cluster's name.
        lab: String,
        /// The run directory within the comparison's.
        directory: String,
        /// Seconds.
        took_s: f64,
        /// Why there is no record of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The comparison ended.
    Ended {
        /// Seconds from its beginning.
        took_s: f64,
        /// Somebody stopped it.
        interrupted: bool,
        /// Why runs were left out, where that was not an interrupt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped: Option<String>,
    },
}

/// What a comparison is to run.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Plan {
    /// The scenario's id.
    pub scenario: String,
    /// What it asks.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// What is varied.
    pub factors: Vec<Factor>,
    /// Each combination: what each factor is set to.
    pub cells: Vec<Vec<String>>,
    /// How often each combination runs.
    pub repeat: u32,
    /// What the order follows from.
    pub seed: u64,
    /// How many labs stand side by side.
    pub labs: u32,
}

/// Reads a comparison's journal.
pub fn read_journal(directory: &Path) -> Result<Vec<Note>, JournalError> {
    journal::read(&directory.join(JOURNAL), |first| matches!(first, Note::Begun { .. }))
}
