//! Why a policy has no plan here and now.

use std::{fmt::Display, net::IpAddr};

use miette::Diagnostic;

use super::super::{NodeSelector, Policy, topology::TopologyError};
use crate::document::{list_of, nearest};

/// Why a policy could not be resolved: which rule, why, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} cannot be resolved: {why}")]
pub struct ResolveError {
    /// The rule or the topology, counted as [`Policy::part`] does.
    pub origin: usize,
    part: String,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::policy) enum Why {
    #[error("it names `{named}`, and no cluster is given")]
    NoCluster { named: String },
    #[error("it names `{selector}`, and the cluster has no leader that is known")]
    NoLeader { selector: NodeSelector },
    #[error("the leader is `{leader}`, which the inventory does not have")]
    ForeignLeader { leader: String },
    #[error("the inventory has no node `{name}`")]
    UnknownNode { name: String, known: Vec<String> },
    #[error("nobody is `{selector}`")]
    Nobody { selector: NodeSelector },
    #[error("`{node}` would be cut from nobody but itself")]
    OnlyItself { node: NodeSelector },
    #[error("it covers `lo` on {node}, where none of its peers is ever seen")]
    NothingOnLoopback { node: String, address: IpAddr },
    #[error("the inventory's etcd endpoint `{endpoint}` names no address, and packets carry nothing else")]
    NamedEndpoint { endpoint: String },
    #[error(transparent)]
    Topology(#[from] TopologyError),
}

impl ResolveError {
    /// Why, without the rule that it is about.
    pub fn why(&self) -> String {
        self.why.to_string()
    }

    /// What to do about it.
    pub fn way_out(&self) -> String {
        self.why.way_out()
    }
}

impl Why {
    pub(super) fn in_part(self, policy: &Policy, origin: usize) -> ResolveError {
        ResolveError { origin, part: policy.part(origin), why: self }
    }

    fn way_out(&self) -> String {
        match self {
            Self::NoCluster { .. } => {
                "give the cluster's inventory with --cluster FILE, or write node = \"local\" and addresses as peers, \
                 and say with --on which place is local"
                    .to_owned()
            }
            Self::NoLeader { .. } => {
                "wait until the cluster has a leader (`patronictl list`), or name the node".to_owned()
            }
            Self::ForeignLeader { .. } => "add it to the inventory as a [[node]]".to_owned(),
            Self::UnknownNode { name, known } => match nearest(name, known.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("it has {}", list_of(known.iter().map(String::as_str), "and")),
            },
            Self::Nobody { selector: NodeSelector::Sync } => {
                "turn synchronous_mode on in Patroni, or name another role".to_owned()
            }
            Self::Nobody { .. } => "name another role, or a node".to_owned(),
            Self::OnlyItself { .. } => {
                "name other peers; for what a node sends to itself, set loopback = true".to_owned()
            }
            Self::NothingOnLoopback { address, .. } => format!(
                "add \"{address}\" or \"127.0.0.0/8\" to the peers, or write a rule of its own without loopback"
            ),
            Self::NamedEndpoint { .. } => {
                "write the endpoint's address in the inventory, or the addresses here instead of \"@dcs\"".to_owned()
            }
            Self::Topology(error) => error.way_out(),
        }
    }
}

impl Diagnostic for ResolveError {
    fn help(&self) -> Option<Box<dyn Display + '_>> {
        Some(Box::new(self.why.way_out()))
    }
}
