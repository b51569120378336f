//! What netsplit remembers of a namespace, as it lies in the kernel beside the rules.

use jiff::Timestamp;
use probe_ebpf::abi::MAX_COUNTERS;
use serde::{Deserialize, Serialize};

use super::{Attached, Clsact};
use crate::{
    clock::BootInstant, cluster::Target, cut::CutId, policy::PlannedRule, proof::PlannedEdge,
    record::EdgeProbe,
};

/// What is attached in a namespace. Written as soon as it is true, so that whoever comes after a kill finds
/// what has no pin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// How the namespace was named when its datapath was made.
    pub target: Option<Target>,
    /// What is attached where.
    pub attached: Vec<Attached>,
    /// The clsact qdiscs that are used.
    pub clsact: Vec<Clsact>,
}

/// The cuts of a namespace. Changes in the same instant as the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// In the order of their application, which is the order of their rules' ranks.
    pub cuts: Vec<CutRecord>,
}

/// One cut's part in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutRecord {
    /// The cut's id, the same in every namespace that it touches.
    pub id: CutId,
    /// The node's name, or the target where there is no inventory.
    pub node: String,
    /// The policy's description.
    pub description: String,
    /// When it was applied.
    pub applied: Timestamp,
    /// When it came into force, on the boot clock. Whoever wrote the journal may not have known.
    #[serde(default)]
    pub since: BootInstant,
    /// When the kernel stops enforcing it.
    pub deadline: BootInstant,
    /// Its rules, in the policy's order.
    pub rules: Vec<RuleRecord>,
    /// What it takes from whom on this node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<PlannedEdge>,
    /// What probes of those edges met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<EdgeProbe>,
}

impl CutRecord {
    /// Keeps what probes of its own edges met; whether any did.
    pub fn note(&mut self, probes: &[EdgeProbe]) -> bool {
        let before = self.probes.len();
        self.probes.extend(probes.iter().filter(|probe| probe.node == self.node).cloned());
        self.probes.len() > before
    }
}

/// One rule of a cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRecord {
    /// What it says.
    pub rule: PlannedRule,
    /// Whether XDP enforces it on arriving packets; TC does otherwise.
    pub xdp: bool,
    /// Its place among the counters.
    pub counter: u32,
    /// The indexes of the interfaces that it names; empty if it names none.
    pub bound_to: Vec<u32>,
}

impl Journal {
    /// Forgets the cuts whose deadline has passed: the kernel enforces them no more.
    pub fn forget_expired(&mut self, now: BootInstant) {
        self.cuts.retain(|cut| cut.deadline > now);
    }

    /// The lowest counters that no rule uses.
    pub fn free_counters(&self) -> impl Iterator<Item = u32> + use<> {
        let used: Vec<u32> =
            self.cuts.iter().flat_map(|cut| cut.rules.iter().map(|rule| rule.counter)).collect();
        (0..MAX_COUNTERS).filter(move |counter| !used.contains(counter))
    }
}
