//! What an action finds when it begins.

use std::time::Duration;

use super::{
    ActError, ActNode,
    undo::{Undo, UntilEnd},
};
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
    /// Who held it before the first cut or action; now, if this is the first.
    pub old_leader: Option<&'a str>,
    /// The first other node that held it after that.
    pub new_leader: Option<&'a str>,
    /// The node that the step names.
    pub node: Option<&'a Node>,
    /// How long the action may take.
    pub timeout: Duration,
    /// Whether somebody wants the run to end.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Where an action says what is to be put back at the end of the run.
    pub until_end: &'a UntilEnd,
}

impl<'a> Scene<'a> {
    /// The name that is meant. A name stands for itself, in the inventory or not.
    pub fn name_of(&self, choice: &ActNode) -> Result<String, ActError> {
        let (found, why) = match choice {
            ActNode::Name(name) => (Some(name.as_str()), ""),
            ActNode::Leader => (self.leader, "the leader key is not held"),
            ActNode::OldLeader => (self.old_leader, "nobody held the leader key before"),
            ActNode::NewLeader => (self.new_leader, "no other node has held the leader key since"),
            ActNode::AnyReplica => (self.replica(0), "there is no other node than the leader"),
            ActNode::OtherReplica => (self.replica(1), "there is only one other node than the leader"),
        };
        let nobody = || ActError::Nobody(format!("{choice} is nobody: {why}"));
        found.map(str::to_owned).ok_or_else(nobody)
    }

    /// A node that was not the leader before the first cut or action, by name.
    fn replica(&self, place: usize) -> Option<&'a str> {
        let leader = self.old_leader.or(self.leader);
        let mut others = self.inventory.names();
        others.retain(|name| Some(*name) != leader);
        others.sort_unstable();
        others.get(place).copied()
    }

    /// The node of the inventory that is meant, or the machine of the lab.
    pub fn node_of(&self, choice: &ActNode) -> Result<Node, ActError> {
        let name = self.name_of(choice)?;
        let found = self.inventory.node(&name).cloned().or_else(|| self.machine(&name));
        found.ok_or_else(|| {
            if self.inventory.lab.is_none() && Host::named(&name).is_some() {
                return ActError::Impossible(format!(
                    "`{name}` is a machine of a lab, and this cluster is none: write a step such as run = [\"ssh\", \
                     \"HOST\", \"systemctl\", …]"
                ));
            }
            ActError::Nobody(format!("the inventory has no node `{name}`; it has {}", self.inventory.names().join(", ")))
        })
    }

    /// A machine of the lab that is no PostgreSQL node.
    fn machine(&self, name: &str) -> Option<Node> {
        let facts = self.inventory.lab.as_ref()?;
        let (lab, host) = (Lab::open(&facts.name.parse().ok()?).ok()?, Host::named(name)?);
        Some(Node {
            name: name.to_owned(),
            transport: lab.layout().target(host),
            address: host.address().into(),
            postgres_port: 0,
            rest_port: 0,
            socket_dir: None,
            data_dir: None,
            patroni_log: None,
        })
    }

    /// What the step names: a node, or a machine of the lab.
    pub(super) fn named(&self) -> Result<&'a Node, ActError> {
        self.node.ok_or_else(|| ActError::Nobody("the step names no node".to_owned()))
    }

    /// The PostgreSQL node that the step names.
    pub(super) fn node(&self) -> Result<&'a Node, ActError> {
        let node = self.named()?;
        if self.inventory.node(&node.name).is_none() {
            let why = format!("{} has no PostgreSQL and no Patroni: name another node", node.name);
            return Err(ActError::Impossible(why));
        }
        Ok(node)
    }

    /// The place that the step names, else where the observer is.
    pub(super) fn place(&self) -> &'a Target {
        self.node.map_or(&self.inventory.observer.transport, |node| &node.transport)
    }

    /// To be put back at the end of the run, however the action ends.
    pub(super) fn until_end(&self, undo: Undo) {
        self.until_end.push(undo);
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

    /// The lab that a node is a machine of.
    pub(super) fn lab_of(&self, node: &Node) -> Result<Option<(Lab, Host)>, ActError> {
        let Some(facts) = &self.inventory.lab else { return Ok(None) };
        let lab = Lab::open(&facts.name.parse()?)?;
        let host = Host::named(&node.name).filter(|host| lab.layout().target(*host) == node.transport);
        Ok(host.map(|host| (lab, host)))
    }

    /// The lab that the step's node is a machine of. `what` cannot be done elsewhere; `instead` is the way out.
    pub(super) fn lab(&self, what: &str, instead: &str) -> Result<(Lab, Host), ActError> {
        let node = self.named()?;
        self.lab_of(node)?.ok_or_else(|| {
            ActError::Impossible(format!(
                "{} is no machine of a lab, and only there {what}: {instead}",
                node.name
            ))
        })
    }
}
