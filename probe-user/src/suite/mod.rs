//! A suite: a folder of scenarios, run one after another on one cluster, which is brought back to health between
//! them.
//!
//! Reading, choosing and estimating are pure. The runner touches the world through a [`Stage`] alone, and writes
//! down what it knows beyond the runs' own records in a journal ([`JOURNAL`]), from which, with the runs, every
//! report of the suite can be rebuilt.

mod choose;
mod file;
mod forecast;
mod journal;
mod labs;
mod load;
mod natural;
mod progress;
mod runner;
pub(crate) mod schema;
mod stage;
#[cfg(test)]
mod tests;

pub use choose::UnknownScenario;
pub use file::{SUITE_FILE, SectionFile, SuiteFile, scenario_names};
pub use forecast::Forecast;
pub(crate) use forecast::about;
pub use journal::{JOURNAL, Note, Outline, SectionOutline, TurnOutline, read_journal};
pub use labs::Labs;
pub(crate) use labs::like;
pub use load::{Section, Suite, SuiteError};
pub use progress::{Notice, Progress};
pub use runner::{GoOn, Manner, run};
pub use stage::{Making, Place, Stage};
