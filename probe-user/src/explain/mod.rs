//! What a plan means, before it is applied: who reaches whom, and which rule would decide a packet.
//!
//! Who reaches whom ([`Reach`]) is worked out from the compiled tables, purely. Which rule decides a packet ([`ask`]) is
//! asked of the loaded programs themselves, in a network namespace that nobody else sees.

mod class;
mod decision;
mod matrix;
mod party;
mod show;
mod stage;
#[cfg(test)]
mod tests;
mod trial;

pub use class::{Class, classes};
pub use decision::{Decision, Outcome};
pub use matrix::{Cell, Fate, Hit, Matrix, Reach, reach};
pub use party::{Party, parties};
pub use show::{ReachTable, picture, reach_tables};
pub use stage::{NoStage, Stage, stages};
pub use trial::{TrialError, ask};
