//! What a run touches: the kernel and the observers, or a stand-in for them in tests.

use std::{any::Any, time::Duration};

use crate::{
    backend::{Choice, datapath::TcFlavour},
    cluster::{Inventory, Protected},
    cut::{self, Cut, CutId, CutStatus, Request},
    observe::{
        HitCount, Watch,
        probe::{Prover, hits_of},
    },
    policy::Plan,
    proof::PlannedEdge,
    record::EventSink,
};

/// Why the world did not do what it was asked.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The kernel and the observers.
pub trait World {
    /// Starts to watch the cluster.
    fn watch(&self, inventory: &Inventory, sink: EventSink) -> Result<Box<dyn Watching>, Failure>;

    /// Puts a plan for this cluster in force for at most `lease`; `edges` are the plan's.
    fn apply(
        &self,
        cluster: &Inventory,
        plan: &Plan,
        edges: &[PlannedEdge],
        lease: Duration,
    ) -> Result<Cut, Failure>;

    /// Takes a cut away, and says what its counters were at the end.
    fn revert(&self, cut: &CutId) -> Result<Vec<CutStatus>, Failure>;

    /// Starts to turn the cut's counters into events; the dropped return value ends that.
    fn count_hits(&self, cut: &Cut, sink: EventSink) -> Result<Box<dyn Any>, Failure>;

    /// Starts to probe the edges of a cut, and to turn what probes meet into events; the dropped return value ends that,
    /// after a round of probes that is under way.
    fn probe(&self, cut: &Cut, edges: Vec<PlannedEdge>, sink: EventSink) -> Box<dyn Any>;
}

/// Observers at work.
pub trait Watching {
    /// Waits until everything was seen once.
    fn ready(&self, timeout: Duration) -> Result<(), Failure>;

    /// Ends them, and reads the client's rows back within `last_check`.
    fn stop(self: Box<Self>, last_check: Duration);
}

/// The real world.
#[derive(Clone, Debug, Default)]
pub struct Kernel {
    /// Who enforces its cuts.
    pub choice: Choice,
    /// Addresses that no cut may touch, besides those that the cluster's inventory names.
    pub protect: Vec<Protected>,
    /// Cut protected addresses all the same.
    pub cut_protected: bool,
}

impl World for Kernel {
    fn watch(&self, inventory: &Inventory, sink: EventSink) -> Result<Box<dyn Watching>, Failure> {
        Ok(Box::new(Watch::start(inventory, sink)?))
    }

    fn apply(
        &self,
        cluster: &Inventory,
        plan: &Plan,
        edges: &[PlannedEdge],
        lease: Duration,
    ) -> Result<Cut, Failure> {
        let protect = self.protect.iter().chain(&cluster.protect).filter(|_| !self.cut_protected);
        Ok(cut::apply(&Request {
            plan: plan.clone(),
            lease,
            choice: self.choice,
            flavour: TcFlavour::default(),
            cut_own_session: false,
            protect: protect.copied().collect(),
            edges: edges.to_vec(),
        })?)
    }

    fn revert(&self, cut: &CutId) -> Result<Vec<CutStatus>, Failure> {
        Ok(cut::revert(cut)?)
    }

    fn count_hits(&self, cut: &Cut, sink: EventSink) -> Result<Box<dyn Any>, Failure> {
        Ok(Box::new(HitCount::start(cut, sink)?))
    }

    fn probe(&self, cut: &Cut, edges: Vec<PlannedEdge>, sink: EventSink) -> Box<dyn Any> {
        let id = cut.id.clone();
        let hits = Box::new(move || hits_of(&id));
        Box::new(Prover::start(cut.id.clone(), edges, hits, sink))
    }
}

impl Watching for Watch {
    fn ready(&self, timeout: Duration) -> Result<(), Failure> {
        Ok(Self::ready(self, timeout)?)
    }

    fn stop(self: Box<Self>, last_check: Duration) {
        self.stop_within(last_check);
    }
}
