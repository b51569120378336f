//! What an action finds when it begins.

use std::time::Duration;

use super::{ActError, ActNode};
use crate::{
    cluster::{Inventory, Node, Process, Target},
    lab::{Host, Lab},
};

/// The cluster at the moment that an action begins, and what bounds the action.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The cluster.
    pub inventory: &'a Inventory,
    /// Who holds the leader key.
    pub leader: Option<&'a str>,
    /// Who held it before the first cut or action.
    pub old_leader: Option<&'a str>,
    /// The node that the step names.
    pub node: Option<&'a Node>,
    /// How long the action may take.
    pub timeout: Duration,
    /// Whether somebody wants the run to end.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

impl<'a> Scene<'a> {
    /// The name that is meant. A name stands for itself, in the inventory or not.
    pub fn name_of(&self, choice: &ActNode) -> Result<String, ActError> {
        let nobody = |why: &str| ActError::Nobody(format!("{choice} is nobody: {why}"));
        let leader = self.leader.or(self.old_leader);
        match choice {
            ActNode::Name(name) => Ok(name.clone()),
            ActNode::Leader => {
                self.leader.map(str::to_owned).ok_or_else(|| nobody("the leader key is not held"))
            }
            ActNode::OldLeader => {
                self.old_leader.map(str::to_owned).ok_or_else(|| nobody("nobody held the leader key before"))
            }
            ActNode::AnyReplica => {
                let others = self.inventory.nodes.iter().map(|node| &node.name);
                let first = others.filter(|name| Some(name.as_str()) != leader).min();
                first.cloned().ok_or_else(|| nobody("there is no other node than the leader"))
            }
        }
    }

    /// The node of the inventory that is meant.
    pub fn node_of(&self, choice: &ActNode) -> Result<&'a Node, ActError> {
        let name = self.name_of(choice)?;
        self.inventory.node(&name).ok_or_else(|| {
            let known: Vec<_> = self.inventory.nodes.iter().map(|node| node.name.as_str()).collect();
            ActError::Nobody(format!("the inventory has no node `{name}`; it has {}", known.join(", ")))
        })
    }

    /// The node that the step names.
    pub(super) fn node(&self) -> Result<&'a Node, ActError> {
        self.node.ok_or_else(|| ActError::Nobody("the step names no node".to_owned()))
    }

    /// The place that the step names, else where the observer is.
    pub(super) fn place(&self) -> &'a Target {
        self.node.map_or(&self.inventory.observer.transport, |node| &node.transport)
    }

    /// Waits for a process to end; `what` is what messages call it.
    pub(super) fn wait_for_end(&self, process: &Process, what: &str) -> Result<(), ActError> {
        if process.ended_within(self.timeout, &self.stop) {
            return Ok(());
        }
        if (self.stop)() {
            return Err(ActError::Interrupted);
        }
        Err(ActError::TimedOut { what: format!("{what} did not end"), seconds: self.timeout.as_secs_f64() })
    }

    /// The lab that the step's node is a machine of. `what` cannot be done elsewhere; `instead` is the way out.
    pub(super) fn lab(&self, what: &str, instead: &str) -> Result<(Lab, Host), ActError> {
        let node = self.node()?;
        let elsewhere = || {
            ActError::Impossible(format!(
                "{} is no machine of a lab, and only there {what}: {instead}",
                node.name
            ))
        };
        let facts = self.inventory.lab.as_ref().ok_or_else(elsewhere)?;
        let lab = Lab::open(&facts.name.parse()?)?;
        let host = Host::named(&node.name).filter(|host| lab.layout().target(*host) == node.transport);
        Ok((lab, host.ok_or_else(elsewhere)?))
    }
}
