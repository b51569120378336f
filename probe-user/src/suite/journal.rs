//! What a suite knows beyond the records of its runs, a JSON object a line.

use std::path::Path;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Suite;
use crate::{
    journal::{self, JournalError},
    scenario::{Prepared, Row},
};

/// The journal's file in a suite's directory.
pub const JOURNAL: &str = "suite.jsonl";

/// One line of it.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
pub enum Note {
    /// The suite began; always the first line.
    Begun {
        /// When.
        at: Timestamp,
        /// What is to be run.
        suite: Outline,
    },
    /// A lab was made, or removed.
    Lab {
        /// Its name.
        lab: String,
        /// What for.
        why: String,
        /// Whether it stands now; it does not if it was removed, or could not be made.
        #[serde(default)]
        stands: bool,
        /// Seconds.
        took_s: f64,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A scenario begins to run: what a suite that was killed was doing.
    Runs {
        /// Its id.
        scenario: String,
        /// Which time this is, from 1.
        repetition: u32,
        /// The run directory within the suite's.
        directory: String,
    },
    /// A scenario was run, or could not be.
    Ran {
        /// Its id.
        scenario: String,
        /// Which time this was, from 1.
        repetition: u32,
        /// The run directory within the suite's; `null` where it did not come to a run.
        directory: Option<String>,
        /// Seconds, the report included.
        took_s: f64,
        /// Seconds of these in which a healthy cluster was waited for before the first step.
        health_s: f64,
        /// Why there is no record of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The cluster was brought back to health, or not.
    Healed {
        /// After which scenario; `null` before the first.
        after: Option<String>,
        /// Which time that scenario was run.
        repetition: u32,
        /// Seconds.
        took_s: f64,
        /// What had to be mended, in words.
        mended: Vec<String>,
        /// Why it is not healthy.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lost: Option<String>,
    },
    /// The suite ended.
    Ended {
        /// Seconds from its beginning, labs included.
        took_s: f64,
        /// Somebody stopped it.
        interrupted: bool,
        /// Why scenarios were left out, where that was not an interrupt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped: Option<String>,
    },
}

/// A suite without its steps and expectations.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Outline {
    /// Its stable name.
    pub id: String,
    /// What is tested.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// What written procedure it is.
    pub source: Option<String>,
    /// How often each scenario is run.
    pub repeat: u32,
    /// Its parts.
    pub sections: Vec<SectionOutline>,
}

/// A part of a suite.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct SectionOutline {
    /// Its heading.
    pub title: Option<String>,
    /// Its scenarios.
    pub scenarios: Vec<TurnOutline>,
}

/// A scenario of a suite.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct TurnOutline {
    /// Its id.
    pub id: String,
    /// What is asked.
    pub title: String,
    /// The row of the procedure that it is.
    pub row: Option<Row>,
    /// What the procedure claims about it.
    pub document: Option<String>,
}

impl Outline {
    /// The outline of a suite that is run this often.
    pub fn of(suite: &Suite, repeat: u32) -> Self {
        let turn = |prepared: &Prepared| {
            let scenario = prepared.scenario();
            TurnOutline {
                id: scenario.id.clone(),
                title: scenario.title.clone(),
                row: scenario.row.clone(),
                document: scenario.document.clone(),
            }
        };
        let sections = suite.sections.iter().map(|section| SectionOutline {
            title: section.title.clone(),
            scenarios: section.scenarios.iter().map(turn).collect(),
        });
        Self {
            id: suite.id.clone(),
            title: suite.title.clone(),
            description: suite.description.clone(),
            source: suite.source.clone(),
            repeat,
            sections: sections.collect(),
        }
    }
}

/// Reads a suite's journal.
pub fn read_journal(directory: &Path) -> Result<Vec<Note>, JournalError> {
    journal::read(&directory.join(JOURNAL), |first| matches!(first, Note::Begun { .. }))
}
