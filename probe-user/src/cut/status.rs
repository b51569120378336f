//! What is in force: read from the kernel, never from memory of what was asked.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{CutError, CutId, edge, privilege::check_privilege};
use crate::{
    backend::{
        Attachment,
        datapath::{AttachMode, Attached, Datapath, DatapathError},
    },
    clock::BootInstant,
    cluster::Target,
    policy::{Direction, PlannedRule},
    proof::Edge,
};

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
    /// Whether each edge is cut, as far as probes and counters tell.
    #[serde(default)]
    pub edges: Vec<Edge>,
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

impl HookStatus {
    /// Whether this hook has a part in enforcing the rule: leaving packets are always TC's.
    pub fn enforces(&self, rule: &RuleStatus) -> bool {
        if self.interface == "lo" && !rule.rule.loopback {
            return false;
        }
        let leaves = self.hook == "tc egress";
        match rule.rule.direction {
            Direction::In => !leaves && self.hook.starts_with(&rule.backend),
            Direction::Out => leaves,
            Direction::Both => leaves || self.hook.starts_with(&rule.backend),
        }
    }
}

impl fmt::Display for HookStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.interface, self.hook, self.mode)
    }
}

/// A rule and its counters, summed over the processors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleStatus {
    /// The rule.
    pub rule: PlannedRule,
    /// `xdp` or `tc`: who enforces it.
    pub backend: String,
    /// Its place among the counters of the namespace.
    pub counter: u32,
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
    check_privilege()?;
    let mut cuts = Vec::new();
    for datapath in Datapath::all()? {
        match node_status(&datapath) {
            Ok(status) => cuts.extend(status),
            // Another controller may be taking it away at this moment.
            Err(error) if !datapath.is_whole() => {
                tracing::debug!(%error, "a datapath is half-made or half-gone");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(cuts)
}

/// The cuts of one datapath.
pub(super) fn node_status(datapath: &Datapath) -> Result<Vec<CutStatus>, DatapathError> {
    let installed = datapath.installation()?;
    let journal = datapath.journal()?;
    let now = BootInstant::now();
    let hooks: Vec<_> = installed.attached.iter().map(hook_status).collect();
    let target = installed.target.unwrap_or(Target::Local);
    journal
        .cuts
        .into_iter()
        .map(|mut cut| {
            let rules: Vec<RuleStatus> = std::mem::take(&mut cut.rules)
                .into_iter()
                .map(|record| {
                    let sum = datapath.counter(record.counter)?;
                    Ok(RuleStatus {
                        backend: if record.xdp { "xdp" } else { "tc" }.to_owned(),
                        counter: record.counter,
                        rule: record.rule,
                        packets: sum.packets,
                        bytes: sum.bytes,
                        first: sum.first,
                        last: sum.last,
                    })
                })
                .collect::<Result<_, DatapathError>>()?;
            let edges = edge::known(&cut, &rules);
            Ok(CutStatus {
                id: cut.id,
                node: cut.node,
                target: target.clone(),
                description: cut.description,
                deadline: cut.deadline,
                expired: cut.deadline <= now,
                hooks: hooks.clone(),
                rules,
                edges,
            })
        })
        .collect()
}

fn hook_status(attached: &Attached) -> HookStatus {
    let hook = match attached.hook {
        Attachment::Xdp | Attachment::XdpGeneric => "xdp",
        Attachment::TcIngress => "tc ingress",
        Attachment::TcEgress => "tc egress",
    };
    let mode = match attached.mode {
        AttachMode::Native => "native",
        AttachMode::Generic => "generic",
        AttachMode::Tcx => "tcx",
        AttachMode::Clsact => "clsact",
    };
    HookStatus { interface: attached.interface.clone(), hook: hook.to_owned(), mode: mode.to_owned() }
}
