//! Which node an expectation is about.

use std::{convert::Infallible, fmt, str::FromStr};

use super::Evidence;

/// A node by name or by the part it played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeRef {
    /// `@leader`: who held the leader key when the first cut came into force.
    Leader,
    /// `@new-leader`: the first other node that held it after that.
    NewLeader,
    /// `@replica`: every other node than `@leader`.
    Replica,
    /// By its name.
    Name(String),
}

impl NodeRef {
    /// The nodes that are meant in this run; none where nobody played the part.
    pub(super) fn resolve(&self, evidence: &Evidence<'_>) -> Vec<String> {
        match self {
            Self::Leader => evidence.leader.clone().into_iter().collect(),
            Self::NewLeader => evidence.new_leader.clone().into_iter().collect(),
            Self::Replica => {
                let other = |node: &&String| Some(*node) != evidence.leader.as_ref();
                evidence.nodes.iter().filter(other).cloned().collect()
            }
            Self::Name(name) => vec![name.clone()],
        }
    }
}

impl FromStr for NodeRef {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "@leader" => Self::Leader,
            "@new-leader" => Self::NewLeader,
            "@replica" => Self::Replica,
            name => Self::Name(name.to_owned()),
        })
    }
}

impl fmt::Display for NodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Leader => "@leader",
            Self::NewLeader => "@new-leader",
            Self::Replica => "@replica",
            Self::Name(name) => name,
        })
    }
}
