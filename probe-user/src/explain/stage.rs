//! Where a packet is judged: as it leaves one node, as it arrives at another, or both. Pure.

use std::net::IpAddr;

use probe_ebpf::abi::Way;

use crate::{
    cluster::Inventory,
    packet::Packet,
    policy::{NodePlan, Plan},
};

/// One place where a packet is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage<'p> {
    /// The node, with its rules.
    pub node: &'p NodePlan,
    /// Which way the packet goes there.
    pub way: Way,
}

/// Why nobody is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoStage {
    /// The node that was named has no rules in this plan.
    #[error("the plan has no rule for the node `{node}`; it has rules for {known}")]
    NoSuchNode {
        /// As it was named.
        node: String,
        /// Those that have.
        known: String,
    },
    /// The packet concerns no node of the plan.
    #[error(
        "neither `{source_address}` nor `{destination}` is the address of a node that the plan has rules for ({known}); \
         say with --node which one meets the packet"
    )]
    NobodysPacket {
        /// Who sent it.
        source_address: IpAddr,
        /// Whom it is for.
        destination: IpAddr,
        /// Those that have rules.
        known: String,
    },
}

/// The places where a packet is judged, in the order in which it comes there. `node` is the only one, if it is named.
pub fn stages<'p>(
    plan: &'p Plan,
    cluster: Option<&Inventory>,
    packet: &Packet,
    node: Option<&str>,
) -> Result<Vec<Stage<'p>>, NoStage> {
    let known = || plan.nodes.iter().map(|node| node.node.as_str()).collect::<Vec<_>>().join(", ");
    let at = |address: IpAddr| {
        let node = cluster?.nodes.iter().find(|node| node.address == address)?;
        plan.nodes.iter().find(|planned| planned.node == node.name)
    };
    let (sender, receiver) = (at(packet.source), at(packet.destination));
    let the_only = match (node, plan.nodes.as_slice()) {
        (Some(name), nodes) => {
            let named = nodes.iter().find(|planned| planned.node == name);
            Some(named.ok_or_else(|| NoStage::NoSuchNode { node: name.to_owned(), known: known() })?)
        }
        (None, [only]) if sender.is_none() && receiver.is_none() => Some(only),
        (None, _) => None,
    };
    let stage = |node, way| Stage { node, way };
    if let Some(node) = the_only {
        if packet.way.is_none() && over_loopback(packet) {
            return Ok(vec![stage(node, Way::Egress), stage(node, Way::Ingress)]);
        }
        let sends = sender == Some(node) && receiver != Some(node);
        let natural = if sends { Way::Egress } else { Way::Ingress };
        return Ok(vec![stage(node, packet.way.unwrap_or(natural))]);
    }
    let leaving = sender.filter(|_| packet.way != Some(Way::Ingress)).map(|node| stage(node, Way::Egress));
    let arriving = receiver.filter(|_| packet.way != Some(Way::Egress)).map(|node| stage(node, Way::Ingress));
    let stages: Vec<_> = leaving.into_iter().chain(arriving).collect();
    if stages.is_empty() {
        let (source_address, destination) = (packet.source, packet.destination);
        return Err(NoStage::NobodysPacket { source_address, destination, known: known() });
    }
    Ok(stages)
}

/// Whether the node sends it to itself: so it goes over `lo`, unless another interface is named.
pub(super) fn over_loopback(packet: &Packet) -> bool {
    match packet.interface.as_deref() {
        Some(name) => name == "lo",
        None => packet.source == packet.destination || packet.source.is_loopback(),
    }
}
