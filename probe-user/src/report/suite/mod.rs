//! Reports of a suite: the procedure's own table again, with what was measured.
//!
//! As with a single run, everything is rebuilt from records: the runs' own, and the suite's journal.

mod directory;
mod exposition;
mod html;
mod junit;
mod killed;
mod markdown;
mod result;
mod small;
mod table;
mod terminal;
#[cfg(test)]
mod tests;
mod time;

pub use directory::{rebuild, write};
pub use exposition::exposition;
pub use html::html;
pub use junit::junit;
pub use markdown::markdown;
pub use result::{
    Healing, LabRecord, RunRecord, SUITE_SCHEMA, ScenarioRecord, SuiteResult, SuiteVerdict, Totals, judge,
};
pub use terminal::terminal;
pub use time::TimeSplit;
