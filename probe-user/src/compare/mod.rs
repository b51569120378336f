//! The same scenario under every combination of what is varied, many times over, and what differs.
//!
//! `factor` reads what is to be varied, `field` says where that is in a file, `variant` makes a scenario of each
//! combination, `design` decides the order: all pure. `runner` touches the world through a [`Site`] alone and writes a
//! journal ([`JOURNAL`]), from which, with the runs' own records, every report can be rebuilt. `measure` says which
//! numbers of a run are compared, `statistics` whether two sets of them differ by more than the noise, `result` what
//! came of it.

mod design;
mod factor;
mod field;
mod journal;
mod measure;
mod progress;
mod result;
mod runner;
mod site;
mod statistics;
#[cfg(test)]
mod tests;
mod variant;

pub use design::{Design, Turn};
pub use factor::{Factor, FactorError};
pub use journal::{JOURNAL, Note, Plan, read_journal};
pub use measure::{MEASURES, Measure, Reading, Unit};
pub use progress::{Notice, Progress};
pub use result::{Cell, Comparison, Difference, Given, Named, Run, SCHEMA, Strength};
pub use runner::run;
pub use site::{Ground, LabSites, Site, Sites};
pub use statistics::{SIGNIFICANCE, Spread};
#[cfg(test)]
pub(crate) use tests::sample;
pub use variant::{Variant, VariantError, variants};
