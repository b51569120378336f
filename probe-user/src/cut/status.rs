//! What is in force: read from the kernel, never from memory of what was asked.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CutError, CutId, privilege::check_privilege};
use crate::{
    backend::ENFORCERS,
    clock::BootInstant,
    cluster::Target,
    policy::{Direction, PlannedRule},
    proof::Edge,
};

/// One cut on one node.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
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
    /// Whether each edge is cut, as far as probes and counters tell.
    #[serde(default)]
    pub edges: Vec<Edge>,
}

/// A program at work on an interface.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct HookStatus {
    /// The interface's name.
    pub interface: String,
    /// `xdp`, `tc ingress`, `tc egress`, `nft ingress`, `nft output` or `nft egress`.
    pub hook: String,
    /// `native`, `generic`, `tcx`, `clsact`, or the family of nft's table: `inet` or `netdev`.
    pub mode: String,
}

impl HookStatus {
    /// Whether this hook has a part in enforcing the rule. Leaving packets are TC's where XDP has the arriving ones.
    pub fn enforces(&self, rule: &RuleStatus) -> bool {
        if self.interface == "lo" && !rule.rule.loopback {
            return false;
        }
        let leaves = ["tc egress", "nft egress", "nft output"].contains(&self.hook.as_str());
        let own = self.hook.starts_with(&rule.backend);
        match rule.rule.direction {
            Direction::In => !leaves && own,
            Direction::Out => leaves,
            Direction::Both => leaves || own,
        }
    }
}

impl fmt::Display for HookStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.interface, self.hook, self.mode)
    }
}

/// A rule and its counters, summed over the processors.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct RuleStatus {
    /// The rule.
    pub rule: PlannedRule,
    /// `xdp`, `tc` or `nft`: who enforces it.
    pub backend: String,
    /// Its place among the counters of the namespace.
    pub counter: u32,
    /// Packets hit.
    pub packets: u64,
    /// Their bytes, from the link layer on; from the IP header on with nft.
    pub bytes: u64,
    /// The first hit; nft does not tell.
    pub first: Option<BootInstant>,
    /// The last hit; nft does not tell.
    pub last: Option<BootInstant>,
}

/// Every cut that netsplit has in the kernel, on every node of this machine.
pub fn status() -> Result<Vec<CutStatus>, CutError> {
    check_privilege()?;
    let mut cuts = Vec::new();
    for enforcer in ENFORCERS {
        cuts.extend(enforcer.status()?);
    }
    Ok(cuts)
}

/// Each node's part of one cut, as the kernel tells it; nothing if it is gone.
pub fn parts_of(id: &CutId) -> Result<Vec<CutStatus>, CutError> {
    check_privilege()?;
    for enforcer in ENFORCERS {
        let mut parts = enforcer.status()?;
        parts.retain(|part| part.id == *id);
        // One enforcer has all of a cut, and to ask the next one may cost much.
        if !parts.is_empty() {
            return Ok(parts);
        }
    }
    Ok(Vec::new())
}
