//! Payloads of events that tell what netsplit itself did: steps, cuts, and what they hit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(doc)]
use super::Kind;
use crate::{
    clock::BootInstant,
    policy::{Action, PlannedRule},
    proof::PlannedEdge,
};

/// Payload of [`Kind::Step`].
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct StepMark {
    /// The step's place in the scenario, from 0.
    pub index: usize,
    /// What expectations call it that count from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The step in words, such as `apply primary-5432-drop.toml`.
    pub what: String,
    /// `begin` or `end`; `end` with a reason when it failed.
    pub phase: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// In the `end` of a step that did something to the cluster: what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Acted>,
}

/// What an action did.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Acted {
    /// When it began.
    pub began: BootInstant,
    /// The node that it was done to; `null` where it was done to none.
    pub node: Option<String>,
    /// What came of it, in words; `null` where it failed.
    pub outcome: Option<String>,
    /// The request to Patroni that it was, and its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Answered>,
}

/// A request to Patroni, by its REST API or by `patronictl`, and its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Answered {
    /// The request, such as `POST http://10.88.0.11:8008/switchover {…}` or `patronictl switchover …`.
    pub request: String,
    /// The status that the scenario expects; `null` for what Patroni documents as success, 200 or 202.
    #[serde(default)]
    pub expected: Option<u16>,
    /// What the scenario expects the answer's body to contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_body: Option<String>,
    /// The exit code of `patronictl` that the scenario expects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_exit: Option<i32>,
    /// The status that came; `null` where no answer did, and where `patronictl` did not say.
    pub status: Option<u16>,
    /// The answer's body; without a status, why there was none or all that `patronictl` said.
    pub body: String,
    /// The exit code of `patronictl`; `null` for a request to the REST API, and where it was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
}

/// Payload of [`Kind::Applied`].
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Applied {
    /// The cut's id.
    pub cut: String,
    /// When the kernel stops enforcing it.
    pub deadline: BootInstant,
    /// `xdp` or `tc`.
    pub backend: String,
    /// Where the programs sit, such as `eth0 xdp native`.
    pub hooks: Vec<String>,
    /// What is enforced.
    pub rules: Vec<PlannedRule>,
    /// What it takes from whom on this node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<PlannedEdge>,
    /// How many sockets were closed when it came into force; `null` where no rule says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_sockets: Option<u64>,
}

/// Payload of [`Kind::Reverted`].
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Reverted {
    /// The cut's id.
    pub cut: String,
    /// `revert`, `lease` or `interrupted`.
    pub why: String,
    /// The rules' last counters.
    pub rules: Vec<HitSummary>,
}

/// Payload of [`Kind::Hit`]: a rule's counters so far.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct HitSummary {
    /// The cut's id.
    pub cut: String,
    /// The rule's place in the policy, from 0.
    pub rule: usize,
    /// What the rule does.
    pub action: Action,
    /// Packets hit so far.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The first hit.
    pub first: Option<BootInstant>,
    /// The last hit.
    pub last: Option<BootInstant>,
    /// A packet of those that were hit, such as `tcp 10.88.0.12:40000 > 10.88.0.11:5432 syn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}
