//! What enforces cuts, behind one face: applying, reverting and looking know nothing of eBPF or netfilter.
//!
//! To add a backend: implement these, and name it in [`ENFORCERS`].

use std::{collections::HashMap, fmt};

use jiff::Timestamp;
use probe_ebpf::abi::Hit;

use super::{
    Choice, Interface, Refusal, datapath,
    datapath::{CutRecord, RuleRecord, TcFlavour},
    nft,
};
use crate::{
    clock::BootInstant,
    cluster::Target,
    cut::{CutError, CutId, CutStatus},
    policy::{NodePlan, PlannedRule},
    proof::PlannedEdge,
    record::EdgeProbe,
};

/// Everything that can enforce a cut. A cut is enforced by one of them, on all of its nodes.
pub const ENFORCERS: [&dyn Enforcer; 2] = [&datapath::Ebpf, &nft::Nft];

/// Something that can enforce cuts in the network namespaces of this machine.
pub trait Enforcer: fmt::Debug + Sync {
    /// By what it would enforce a rule on these interfaces, in words, or why it cannot. Touches nothing.
    fn means(&self, choice: Choice, rule: &PlannedRule, on: &[&Interface]) -> Result<Vec<String>, Refusal>;

    /// The interfaces of the calling thread's network namespace, its own programs known as such.
    fn interfaces(&self) -> Result<Vec<Interface>, CutError>;

    /// Whether what it leaves to chance can be had again by a seed.
    fn repeats_chance(&self) -> bool;

    /// Whether there is nothing on this machine that it could have to take away.
    fn is_idle(&self) -> bool;

    /// Waits for its turn to change these namespaces: nobody else does meanwhile.
    fn turn(&self, targets: &[&Target]) -> Result<Box<dyn Turn>, CutError>;

    /// Every cut that it enforces on this machine.
    fn status(&self) -> Result<Vec<CutStatus>, CutError>;

    /// Takes everything of its own away from this machine, whatever state it is in, and says what it was. Nothing keeps
    /// it from going on to the end.
    fn clear(&self) -> Result<Vec<CutStatus>, CutError>;

    /// The counters of a cut, on each of its nodes.
    fn meters(&self, cut: &CutId) -> Result<Vec<Box<dyn Meter>>, CutError>;
}

/// Takes everything away from the sites that are wanted, and says what it was.
pub(crate) fn remove_sites(
    turn: &dyn Turn,
    wanted: impl Fn(&dyn Site) -> bool,
) -> Result<Vec<CutStatus>, CutError> {
    let mut ended = Vec::new();
    let mut failed = None;
    for site in turn.sites()?.into_iter().filter(|site| wanted(site.as_ref())) {
        match site.status() {
            Ok(status) => ended.extend(status),
            Err(error) => tracing::debug!(%error, "a site could not be read; it is removed all the same"),
        }
        // One that resists must not save the others.
        if let Err(error) = site.remove() {
            failed = failed.or(Some(error));
        }
    }
    failed.map_or(Ok(ended), Err)
}

/// A controller's turn; ends when it is dropped.
pub trait Turn: Sync {
    /// Readies the calling thread's network namespace for a node's rules: whatever can fail fails here. On failure
    /// the node is as it was.
    fn prepare<'turn>(
        &'turn self,
        node: &NodePlan,
        means: Means,
    ) -> Result<Box<dyn Prepared + 'turn>, CutError>;

    /// Every place of this machine where it enforces something, also half-made and half-gone ones.
    fn sites(&self) -> Result<Vec<Box<dyn Site + '_>>, CutError>;
}

/// The operator's wishes.
#[derive(Clone, Copy, Debug)]
pub struct Means {
    /// Which backend.
    pub choice: Choice,
    /// Which flavour of TC.
    pub flavour: TcFlavour,
}

/// What is the same on every node of a cut.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Its id.
    pub id: CutId,
    /// The policy's description.
    pub description: String,
    /// When it comes into force.
    pub since: BootInstant,
    /// When the kernel is to stop enforcing it.
    pub deadline: BootInstant,
    /// What it takes from whom, on all nodes.
    pub edges: Vec<PlannedEdge>,
}

impl Stamp {
    /// What one node's journal is to hold of the cut.
    pub fn record(&self, node: &str, rules: Vec<RuleRecord>) -> CutRecord {
        CutRecord {
            id: self.id.clone(),
            node: node.to_owned(),
            description: self.description.clone(),
            applied: Timestamp::now(),
            since: self.since,
            deadline: self.deadline,
            rules,
            edges: self.edges.iter().filter(|edge| edge.node == node).cloned().collect(),
            probes: Vec::new(),
        }
    }
}

/// A node that is ready for its part of a cut, whichever namespace the calling thread is in. Packets see nothing of it
/// before the commit.
pub trait Prepared: Send + Sync {
    /// Gets everything into place but the last step.
    fn stage(&mut self, stamp: &Stamp) -> Result<(), CutError>;

    /// The last step: packets see the cut, at once and as a whole.
    fn commit(&mut self) -> Result<(), CutError>;

    /// The cuts of the node.
    fn status(&self) -> Result<Vec<CutStatus>, CutError>;

    /// Takes back what was made for a cut that is not to be.
    fn abandon(self: Box<Self>);
}

/// A network namespace in which something is enforced.
pub trait Site {
    /// How it was named; nothing if it cannot be read.
    fn target(&self) -> Option<Target>;

    /// Its cuts.
    fn status(&self) -> Result<Vec<CutStatus>, CutError>;

    /// Whether the cut is here.
    fn holds(&self, cut: &CutId) -> Result<bool, CutError>;

    /// Keeps what probes met of a cut's edges with it, if it is here, and says whether it is. Packets, counters and
    /// the lease see nothing of it.
    fn note(&mut self, cut: &CutId, probes: &[EdgeProbe]) -> Result<bool, CutError>;

    /// Takes one cut away, if it is here, and says what its counters were at the end.
    fn revert(&mut self, cut: &CutId) -> Result<Option<CutStatus>, CutError>;

    /// Takes everything away, in whatever state it is.
    fn remove(self: Box<Self>) -> Result<(), CutError>;
}

/// The counters of one cut on one node, for whoever watches them.
pub trait Meter: Send {
    /// The node.
    fn node(&self) -> &str;

    /// The cut's rules and their counters' numbers.
    fn rules(&self) -> Vec<(u32, PlannedRule)>;

    /// Looks once.
    fn read(&mut self) -> Result<Reading, CutError>;

    /// Nobody looks any more.
    fn stop(&mut self);
}

/// What a look at counters shows, by the counters' numbers.
#[derive(Debug, Default)]
pub struct Reading {
    /// What was counted.
    pub sums: HashMap<u32, CounterSum>,
    /// A packet for each that was hit since the last look, where the backend tells of packets.
    pub examples: HashMap<u32, Hit>,
}

/// A rule's counters, summed over the processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CounterSum {
    /// Packets hit.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The first hit, where the backend knows it.
    pub first: Option<BootInstant>,
    /// The last hit, where the backend knows it.
    pub last: Option<BootInstant>,
}
