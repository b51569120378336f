//! Who calls, and who is called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::{
    cluster::{Inventory, Target, endpoint_address},
    policy::{Peer, Plan, PlannedRule},
};

/// A row and a column of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// What people call it.
    pub name: String,
    /// Where its packets come from.
    pub address: IpAddr,
    /// Where rules can be enforced for it; nowhere, if it stands outside.
    pub target: Option<Target>,
}

/// How many prefixes of rules get a row of their own.
const MOST_PREFIXES: usize = 8;

/// Addresses for documentation (RFC 5737), which nobody has.
const STRANGERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(198, 51, 100, 1), Ipv4Addr::new(203, 0, 113, 1)];

/// Everyone whom a plan may concern: the inventory's nodes, or the places of the plan where there is none; whom its
/// rules name besides; and somebody else, if a rule is about everyone.
pub fn parties(plan: &Plan, cluster: Option<&Inventory>) -> Vec<Party> {
    let nodes = cluster.map_or(&[][..], |cluster| &cluster.nodes);
    let node = |name: &str, address, target: &Target| Party {
        name: name.to_owned(),
        address,
        target: Some(target.clone()),
    };
    let mut parties: Vec<Party> =
        nodes.iter().map(|found| node(&found.name, found.address, &found.transport)).collect();
    for found in &plan.nodes {
        if !parties.iter().any(|party| party.target.as_ref() == Some(&found.target)) {
            parties.push(node(&found.node, Ipv4Addr::LOCALHOST.into(), &found.target));
        }
    }
    let outside = |name: String, address| Party { name, address, target: None };
    let rules = || plan.nodes.iter().flat_map(|node| &node.rules);
    let mut named: Vec<IpNet> = Vec::new();
    for prefix in rules().flat_map(|rule| &rule.peers).filter(|prefix| !prefix.addr().is_loopback()) {
        let is_party = parties.iter().any(|party| IpNet::from(party.address) == *prefix);
        if !is_party && !named.contains(prefix) && named.len() < MOST_PREFIXES {
            named.push(*prefix);
        }
    }
    let known = known(cluster);
    parties.extend(named.into_iter().map(|prefix| {
        let address = somebody(prefix);
        let name = known.iter().find(|(_, known)| *known == address).map(|(name, _)| (*name).to_owned());
        outside(name.unwrap_or_else(|| Peer::Prefix(prefix).to_string()), address)
    }));
    if rules().any(|rule| rule.peers.is_empty()) {
        let foreign = |address: &&Ipv4Addr| !rules().any(|rule| names(rule, IpAddr::V4(**address)));
        let address = STRANGERS.iter().find(foreign).unwrap_or(&STRANGERS[0]);
        parties.push(outside("anyone else".to_owned(), IpAddr::V4(*address)));
    }
    parties
}

fn names(rule: &PlannedRule, address: IpAddr) -> bool {
    rule.peers.iter().any(|prefix| prefix.contains(&address))
}

/// Hosts that an inventory knows besides its nodes.
fn known(cluster: Option<&Inventory>) -> Vec<(&'static str, IpAddr)> {
    let Some(cluster) = cluster else { return Vec::new() };
    let endpoints = cluster.etcd.endpoints.iter();
    let dcs = endpoints.filter_map(|endpoint| Some(("dcs", endpoint_address(endpoint)?)));
    let haproxy = cluster.haproxy.iter().map(|haproxy| ("haproxy", haproxy.primary.ip()));
    dcs.chain(haproxy).collect()
}

/// An address of the prefix: its own, if it is one, otherwise the first host's.
fn somebody(prefix: IpNet) -> IpAddr {
    match (prefix.prefix_len() == prefix.max_prefix_len(), prefix.addr()) {
        (true, address) => address,
        (false, IpAddr::V4(network)) => Ipv4Addr::from(u32::from(network) + 1).into(),
        (false, IpAddr::V6(network)) => Ipv6Addr::from(u128::from(network) + 1).into(),
    }
}
