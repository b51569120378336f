//! What a comparison touches: clusters, and runs on them.

use std::{path::Path, time::Duration};

use super::Variant;
use crate::{
    cluster::Inventory,
    lab::{Healed, Options},
    report::RunResult,
    scenario::{Failure, Kernel, LabNeeds, Progress, RunError},
    suite::{Labs, Place, Stage, like},
};

/// A cluster on which one run is made at a time. What takes long ends early, with an error, once it is interrupted.
pub trait Site: Send {
    /// The cluster, if it stands.
    fn inventory(&self) -> Option<&Inventory>;

    /// What it is called, also before it stands.
    fn name(&self) -> String;

    /// Makes it, anew if it stands; nothing for a cluster that is no lab.
    fn make(&mut self) -> Result<(), Failure>;

    /// Brings it back to health within `patience`; nothing for a cluster that is no lab.
    fn heal(&mut self, patience: Duration) -> Result<Option<Healed>, Failure>;

    /// Runs a variant on it, into a new run directory.
    fn run(
        &mut self,
        variant: &Variant,
        directory: &Path,
        progress: &mut dyn Progress,
    ) -> Result<RunResult, RunError>;

    /// Removes it, if it was made for the comparison.
    fn clear(&mut self) -> Result<(), Failure>;
}

/// Where a comparison gets its clusters from.
pub trait Sites: Sync {
    /// A cluster for one of those who run side by side, counted from 1; it is what `needs` asks for, if it can be made.
    fn site(&self, worker: u32, needs: &LabNeeds) -> Box<dyn Site + '_>;
}

/// One cluster that stands, or labs that are made for a comparison.
pub struct LabSites<'s> {
    /// What the cluster is.
    pub ground: Ground,
    /// The kernel, with the backend of cuts where that is not varied.
    pub kernel: Kernel,
    /// Whether it was interrupted.
    pub stop: &'s (dyn Fn() -> bool + Sync),
}

/// What a comparison's clusters are.
#[derive(Clone, Debug)]
pub enum Ground {
    /// This one, and no other.
    Standing(Box<Inventory>),
    /// Labs like this one, but for what combinations ask for; their names begin with its.
    Labs(Options),
}

impl Sites for LabSites<'_> {
    fn site(&self, worker: u32, needs: &LabNeeds) -> Box<dyn Site + '_> {
        let labs = match &self.ground {
            Ground::Standing(inventory) => Labs::on(inventory.as_ref().clone(), self.stop),
            Ground::Labs(options) => {
                let options = Options { name: options.name.with(&worker.to_string()), ..options.clone() };
                let is_else = *needs != LabNeeds::default();
                Labs::of(if is_else { like(&options, needs) } else { options }, self.stop)
            }
        };
        Box::new(LabSite { labs, kernel: &self.kernel })
    }
}

struct LabSite<'s> {
    labs: Labs<'s>,
    kernel: &'s Kernel,
}

impl Site for LabSite<'_> {
    fn inventory(&self) -> Option<&Inventory> {
        self.labs.inventory(Place::Main)
    }

    fn name(&self) -> String {
        self.labs.name(Place::Main, &LabNeeds::default())
    }

    fn make(&mut self) -> Result<(), Failure> {
        self.labs.make(Place::Main, &LabNeeds::default())
    }

    fn heal(&mut self, patience: Duration) -> Result<Option<Healed>, Failure> {
        if self.labs.is_lab() { self.labs.heal(Place::Main, patience).map(Some) } else { Ok(None) }
    }

    fn run(
        &mut self,
        variant: &Variant,
        directory: &Path,
        progress: &mut dyn Progress,
    ) -> Result<RunResult, RunError> {
        let choice = variant.backend.unwrap_or(self.kernel.choice);
        self.labs.kernel = Kernel { choice, ..self.kernel.clone() };
        self.labs.run(Place::Main, &variant.prepared, directory, progress)
    }

    fn clear(&mut self) -> Result<(), Failure> {
        Stage::clear(&mut self.labs)
    }
}
