//! What a suite touches: clusters, and runs on them.

use std::{path::Path, time::Duration};

use crate::{
    cluster::Inventory,
    report::RunResult,
    scenario::{Failure, LabNeeds, Prepared, Progress, RunError},
};

/// Which of a suite's clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The one that the suite runs on.
    Main,
    /// One beside it, for scenarios that ask for what the first one is not.
    Side,
}

/// A cluster that came back to health.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Healed {
    /// How long that took.
    pub took: Duration,
    /// What had to be mended, in words; nothing where it was enough to wait.
    pub mended: Vec<String>,
}

/// A cluster that is being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Making<'a> {
    /// The lab's name.
    pub lab: &'a str,
    /// What it is for.
    pub why: &'a str,
}

/// Clusters, and runs on them. What takes long ends early, with an error, once the suite is interrupted.
pub trait Stage {
    /// The cluster that stands there, if one does.
    fn inventory(&self, place: Place) -> Option<&Inventory>;

    /// Whether clusters can be made and mended here: whether they are labs.
    fn is_lab(&self) -> bool;

    /// Whether the main cluster is made for this suite alone, and gone with it.
    fn is_ours(&self) -> bool;

    /// What the cluster is called that [`Stage::make`] would make.
    fn name(&self, place: Place, needs: &LabNeeds) -> String;

    /// Makes the cluster, anew if one stands there; one at the side is what `needs` asks for, and else like the main one.
    fn make(&mut self, place: Place, needs: &LabNeeds) -> Result<(), Failure>;

    /// Removes the cluster at the side, if one stands there.
    fn remove_side(&mut self) -> Result<(), Failure>;

    /// Removes every cluster that was made for this suite alone.
    fn clear(&mut self) -> Result<(), Failure>;

    /// Brings a cluster back to health within `patience`.
    fn heal(&mut self, place: Place, patience: Duration) -> Result<Healed, Failure>;

    /// Runs a scenario on the cluster that stands there, into a new run directory.
    fn run(
        &mut self,
        place: Place,
        prepared: &Prepared,
        directory: &Path,
        progress: &mut dyn Progress,
    ) -> Result<RunResult, RunError>;
}
