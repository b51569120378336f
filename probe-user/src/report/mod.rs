//! Reports: the same run for a terminal, a reader and a machine.
//!
//! Everything is rebuilt from `events.jsonl` and the scenario: [`RunResult::of`] judges, and each format is a
//! pure function of a [`RunResult`].

mod answers;
mod apart;
pub mod compare;
mod deviation;
pub(crate) mod directory;
pub(crate) mod exposition;
mod html;
mod junit;
pub(crate) mod lanes;
mod markdown;
pub(crate) mod page;
mod proof;
mod rebuild;
mod result;
#[cfg(test)]
mod rules;
mod series;
pub mod suite;
mod terminal;
#[cfg(test)]
mod tests;
mod timeline;
pub(crate) mod trace;
mod trace_events;

pub use directory::{INVENTORY, Paths, ReportError, SCENARIO, write};
pub use exposition::exposition;
pub use html::html;
pub use junit::junit;
pub use markdown::markdown;
pub use rebuild::{RebuildError, rebuild};
pub use result::{CutRecord, DeviationRecord, RunResult, RunVerdict, SCHEMA, StepRecord};
pub(crate) use result::{END_OF_RUN, INTERRUPTED};
pub use series::SeriesError;
pub use terminal::{Paint, terminal};
pub use timeline::{Line, Tone, line, timeline};
pub use trace_events::trace_events;
