//! Which nodes a selector means.

use std::fmt::Display;

use super::{
    super::{NodeSelector, Peer, Policy, Roles},
    error::Why,
};
use crate::cluster::{Inventory, Node, Target};

/// Where a policy is resolved.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The cluster, if there is one; without, only `local` rules and addresses mean anything.
    pub cluster: Option<&'a Inventory>,
    /// What `local` means.
    pub local: Target,
}

/// A place that rules are enforced at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    /// The node of the inventory, if it is one.
    pub(super) node: Option<&'a Node>,
    /// The place.
    pub(super) target: &'a Target,
    /// Its place in the inventory; what is in none comes last.
    pub(super) rank: usize,
}

impl Site<'_> {
    /// What the plan calls it.
    pub(super) fn name(&self) -> String {
        self.node.map_or_else(|| self.target.to_string(), |node| node.name.clone())
    }

    /// Whether the node is this very place.
    pub(super) fn is(&self, node: &Node) -> bool {
        self.node.is_some_and(|own| own.name == node.name)
    }
}

impl<'a> Place<'a> {
    /// The sites of a rule's `node`; never none.
    pub(super) fn sites(&'a self, selector: &NodeSelector, roles: &Roles) -> Result<Vec<Site<'a>>, Why> {
        if *selector == NodeSelector::Local {
            return Ok(vec![self.local_site()]);
        }
        let nodes = self.meant(selector, roles)?;
        let inventory = self.cluster_for(selector)?.nodes.iter().enumerate();
        Ok(inventory
            .filter(|(_, node)| nodes.iter().any(|chosen| chosen.name == node.name))
            .map(|(rank, node)| Site { node: Some(node), target: &node.transport, rank })
            .collect())
    }

    /// The nodes that a rule's peer means at a site: none if the site is all of them.
    pub(super) fn peers(
        &self,
        selector: &NodeSelector,
        site: &Site<'_>,
        roles: &Roles,
        loopback: bool,
    ) -> Result<Vec<&'a Node>, Why> {
        let mut nodes = self.group(selector, roles)?;
        // "One of them" is one of the others.
        nodes.retain(|node| !site.is(node) || (loopback && !means_one(selector)));
        Ok(chosen(selector, nodes))
    }

    /// The nodes that a selector stands for, or chooses from; never none.
    fn group(&self, selector: &NodeSelector, roles: &Roles) -> Result<Vec<&'a Node>, Why> {
        let cluster = self.cluster_for(selector)?;
        let all = || cluster.nodes.iter();
        let nodes: Vec<_> = match selector {
            NodeSelector::Local => all().filter(|node| node.transport == self.local).take(1).collect(),
            NodeSelector::Leader => vec![leader(cluster, selector, roles)?],
            NodeSelector::Replica => others(cluster, selector, roles)?,
            NodeSelector::AnyReplica => replicas(cluster, selector, roles)?,
            NodeSelector::OtherReplica => {
                let mut replicas = replicas(cluster, selector, roles)?;
                replicas.sort_by_key(|node| &node.name);
                replicas.into_iter().skip(1).take(1).collect()
            }
            NodeSelector::Sync => all().filter(|node| roles.sync.contains(&node.name)).collect(),
            NodeSelector::Any | NodeSelector::All => all().collect(),
            NodeSelector::Name(name) => vec![named(cluster, name)?],
        };
        if nodes.is_empty() { Err(Why::Nobody { selector: selector.clone() }) } else { Ok(nodes) }
    }

    /// The nodes that a selector means; never none.
    pub(in crate::policy) fn meant(
        &self,
        selector: &NodeSelector,
        roles: &Roles,
    ) -> Result<Vec<&'a Node>, Why> {
        Ok(chosen(selector, self.group(selector, roles)?))
    }

    /// The inventory, for whoever names something that only an inventory tells.
    pub(in crate::policy) fn cluster_for(&self, named: impl Display) -> Result<&'a Inventory, Why> {
        self.cluster.ok_or_else(|| Why::NoCluster { named: named.to_string() })
    }

    fn local_site(&self) -> Site<'_> {
        let nodes = self.cluster.map_or(&[][..], |cluster| &cluster.nodes);
        let node = nodes.iter().enumerate().find(|(_, node)| node.transport == self.local);
        Site {
            node: node.map(|(_, node)| node),
            target: &self.local,
            rank: node.map_or(usize::MAX, |(rank, _)| rank),
        }
    }
}

/// Whether the selector chooses one node of a group.
fn means_one(selector: &NodeSelector) -> bool {
    matches!(selector, NodeSelector::Any | NodeSelector::AnyReplica)
}

/// All of the group, or the first by name of those that a selector for one chooses from.
fn chosen<'a>(selector: &NodeSelector, group: Vec<&'a Node>) -> Vec<&'a Node> {
    if means_one(selector) {
        group.into_iter().min_by_key(|node| &node.name).into_iter().collect()
    } else {
        group
    }
}

fn named<'a>(cluster: &'a Inventory, name: &str) -> Result<&'a Node, Why> {
    cluster.nodes.iter().find(|node| node.name == name).ok_or_else(|| Why::UnknownNode {
        name: name.to_owned(),
        known: cluster.nodes.iter().map(|node| node.name.clone()).collect(),
    })
}

fn leader<'a>(cluster: &'a Inventory, selector: &NodeSelector, roles: &Roles) -> Result<&'a Node, Why> {
    let Some(leader) = &roles.leader else {
        return Err(Why::NoLeader { selector: selector.clone() });
    };
    let node = cluster.nodes.iter().find(|node| node.name == *leader);
    node.ok_or_else(|| Why::ForeignLeader { leader: leader.clone() })
}

/// The nodes that are not the leader now.
fn others<'a>(cluster: &'a Inventory, selector: &NodeSelector, roles: &Roles) -> Result<Vec<&'a Node>, Why> {
    let leader = leader(cluster, selector, roles)?;
    Ok(cluster.nodes.iter().filter(|node| node.name != leader.name).collect())
}

/// The nodes that selectors for one replica choose from.
fn replicas<'a>(
    cluster: &'a Inventory,
    selector: &NodeSelector,
    roles: &Roles,
) -> Result<Vec<&'a Node>, Why> {
    match &roles.replicas {
        Some(settled) => Ok(cluster.nodes.iter().filter(|node| settled.contains(&node.name)).collect()),
        None => others(cluster, selector, roles),
    }
}

impl Policy {
    /// Whether it can only be resolved with an inventory.
    pub fn needs_cluster(&self) -> bool {
        !self.topologies.is_empty() || self.selectors().any(|selector| *selector != NodeSelector::Local)
    }

    /// Whether it can only be resolved by someone who knows the cluster's roles.
    pub fn needs_roles(&self) -> bool {
        use NodeSelector::{AnyReplica, Leader, OtherReplica, Replica, Sync};
        self.selectors()
            .any(|selector| matches!(selector, Leader | Replica | AnyReplica | OtherReplica | Sync))
    }

    /// Whether one of its rules is for the target that the command names.
    pub fn names_local(&self) -> bool {
        self.rules.iter().any(|rule| rule.node == NodeSelector::Local)
    }

    fn selectors(&self) -> impl Iterator<Item = &NodeSelector> {
        let shapes = self.topologies.iter().flat_map(|topology| topology.shape.selectors());
        let rules = self.rules.iter().flat_map(|rule| {
            let peers = rule.peers.iter().filter_map(|peer| match peer {
                Peer::Node(selector) => Some(selector),
                Peer::Prefix(_) => None,
            });
            std::iter::once(&rule.node).chain(peers)
        });
        rules.chain(shapes)
    }
}
