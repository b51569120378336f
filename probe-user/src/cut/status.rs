//! What is in force: read from the kernel, never from memory of what was asked.

use serde::{Deserialize, Serialize};

use super::{CutError, CutId};
use crate::{clock::BootInstant, cluster::Target, policy::PlannedRule};

/// One cut on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutStatus {
    /// The cut's id, the same on every node that it touches.
    pub id: CutId,
    /// The node's name, or the target where there is no inventory.
    pub node: String,
    /// Where it is enforced.
    pub target: Target,
    /// The policy's description.
    pub description: String,
    /// When the kernel stops enforcing it.
    pub deadline: BootInstant,
    /// Whether that moment has passed.
    pub expired: bool,
    /// Where the programs sit.
    pub hooks: Vec<HookStatus>,
    /// What is enforced, and how often it was.
    pub rules: Vec<RuleStatus>,
}

/// A program at work on an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookStatus {
    /// The interface's name.
    pub interface: String,
    /// `xdp`, `tc ingress` or `tc egress`.
    pub hook: String,
    /// `native`, `generic`, `tcx` or `clsact`.
    pub mode: String,
}

/// A rule and its counters, summed over the processors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleStatus {
    /// The rule.
    pub rule: PlannedRule,
    /// `xdp` or `tc`: who enforces it.
    pub backend: String,
    /// Packets hit.
    pub packets: u64,
    /// Their bytes, from the link layer on.
    pub bytes: u64,
    /// The first hit.
    pub first: Option<BootInstant>,
    /// The last hit.
    pub last: Option<BootInstant>,
}

/// Every cut that netsplit has in the kernel, on every node of this machine.
pub fn status() -> Result<Vec<CutStatus>, CutError> {
    todo!()
}
