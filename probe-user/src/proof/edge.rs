//! An edge of a plan: what is cut from what, how to look, and what became of it.

use std::{fmt, net::SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{cluster::Target, policy::Action, record::ProbeMet};

/// An edge before anybody looked.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct PlannedEdge {
    /// The node that the rule is enforced on.
    pub node: String,
    /// The rule's place in the policy, from 0.
    pub rule: usize,
    /// What the rule does.
    pub action: Action,
    /// The interfaces that the rule names; none for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<String>,
    /// Who is cut off: a node's name, `lo` for the node itself, or a prefix.
    pub peer: String,
    /// The probe that can be made, or why there is none.
    pub aim: Result<Aim, String>,
}

/// A probe: from where, to where, and what it must meet.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Aim {
    /// The network namespace that it starts from.
    pub from: Target,
    /// Where it goes.
    pub to: SocketAddr,
    /// The port that it must come from, where the rule asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_port: Option<u16>,
    /// What is sent.
    pub manner: Manner,
    /// What it meets if the cut cuts.
    pub expect: ProbeMet,
    /// The rule that must hit it: the first on its way, where both ends have one.
    pub by: Ruling,
    /// How often it is made at once, at most, until it meets that: more than once where chance decides.
    pub tries: u32,
    /// How many hits of that rule one of them causes at most, also after its end.
    pub own_hits: u64,
}

/// A rule on a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
pub struct Ruling {
    /// The node.
    pub node: String,
    /// The rule's place in the policy, from 0.
    pub rule: usize,
}

/// What a probe sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// A TCP connection is begun, and given up as soon as its fate is known.
    Connect,
    /// A TCP connection is made, which the rule lets pass, and closed, which it does not: no byte is sent over it.
    Farewell,
    /// An empty datagram.
    Datagram,
}

/// What became of an edge.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Edge {
    /// The node that the rule is enforced on.
    pub node: String,
    /// The rule's place in the policy, from 0.
    pub rule: usize,
    /// Who is cut off: a node's name, `lo` for the node itself, or a prefix.
    pub peer: String,
    /// Where a probe goes, if one can be made.
    pub to: Option<SocketAddr>,
    /// The verdict.
    pub verdict: EdgeVerdict,
    /// Why, and the way out where there is one.
    pub why: String,
}

/// What is known of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeVerdict {
    /// It is cut as the policy says.
    Confirmed,
    /// Nothing shows whether it is.
    NoTraffic,
    /// It is not.
    Leaked,
}

impl EdgeVerdict {
    /// Every one, the best first.
    pub const ALL: [Self; 3] = [Self::Confirmed, Self::NoTraffic, Self::Leaked];
}

impl fmt::Display for EdgeVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Confirmed => "CONFIRMED",
            Self::NoTraffic => "NO-TRAFFIC",
            Self::Leaked => "LEAKED",
        })
    }
}

/// An edge in a few words, such as `pg2 ↔ pg1 (10.88.0.11:5432)`.
impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ↔ {}", self.peer, self.node)?;
        match self.to {
            Some(to) => write!(f, " ({to})"),
            None => Ok(()),
        }
    }
}

/// How often a rule was hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleHits {
    /// The rule.
    pub rule: Ruling,
    /// Packets, those of probes among them.
    pub packets: u64,
}

impl PlannedEdge {
    /// The rule that it is of.
    pub fn ruling(&self) -> Ruling {
        Ruling { node: self.node.clone(), rule: self.rule }
    }
}
