//! A rule whose parts know where they were written.

use super::word::{At, Who};
use crate::{
    document::Reported,
    policy::{Action, Delay, Direction, Flows, Narrowing, NodeSelector, PortRange, Protocol, Rule},
};

/// A part, or the proof that its problem was reported.
pub(super) type Part<T> = Result<At<T>, Reported>;

/// The entries of a list with their places, and the place of the whole list.
pub(super) type Parts<T> = Part<Vec<At<T>>>;

/// A rule whose parts know where they were written. A part that could not be read does not keep the others
/// from being checked.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) node: Part<NodeSelector>,
    pub(super) direction: Part<Direction>,
    pub(super) protocol: Part<Protocol>,
    pub(super) ports: Parts<PortRange>,
    pub(super) peer_ports: Parts<PortRange>,
    pub(super) peers: Parts<Who>,
    pub(super) flows: Part<Flows>,
    pub(super) narrowing: Part<Narrowing>,
    pub(super) action: Part<Action>,
    pub(super) delay: Part<Option<Delay>>,
    pub(super) close_sockets: Part<bool>,
    pub(super) loopback: Part<bool>,
    pub(super) interfaces: Parts<String>,
}

impl Draft {
    /// The rule, if every part could be read.
    pub(super) fn rule(self) -> Result<Rule, Reported> {
        let peers = self.peers?.value.into_iter().filter_map(|who| match who.value {
            Who::Everyone => None,
            Who::Peer(peer) => Some(peer),
        });
        Ok(Rule {
            node: self.node?.value,
            direction: self.direction?.value,
            protocol: self.protocol?.value,
            ports: values(self.ports?),
            peer_ports: values(self.peer_ports?),
            peers: peers.collect(),
            flows: self.flows?.value,
            narrowing: self.narrowing?.value,
            action: self.action?.value,
            delay: self.delay?.value,
            close_sockets: self.close_sockets?.value,
            loopback: self.loopback?.value,
            interfaces: values(self.interfaces?),
        })
    }
}

fn values<T>(list: At<Vec<At<T>>>) -> Vec<T> {
    list.value.into_iter().map(|entry| entry.value).collect()
}
