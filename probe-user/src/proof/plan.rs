//! The edges of a plan, and the probes that can be made on them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;

use super::{
    Aim, PlannedEdge,
    path::{Decider, End, Fate, Path, Rules},
};
use crate::{
    cluster::{Inventory, Node, Target},
    policy::{NodePlan, Plan, PlannedRule, PortRange},
    record::ProbeMet,
};

/// The port that a rule without ports is tried on where no inventory names a better one.
const ANY_PORT: u16 = 5432;

/// How many prefixes of a rule are edges of their own; of more, all together are one.
const MOST_PREFIXES: usize = 16;

/// Where the ports of a connection lie that names none (`ip(7)`, `ip_local_port_range`).
const EPHEMERAL: PortRange = PortRange { first: 32_768, last: 60_999 };

/// The edges of a plan: for each rule, its node and whoever it is cut from, port by port. Of a range of ports, the first
/// one stands for all.
///
/// `earlier` are the rules of cuts that are in force already and decide first. Without an inventory, no peer can be
/// entered, and prefixes stand for themselves.
pub fn planned_edges(plan: &Plan, cluster: Option<&Inventory>, earlier: &[NodePlan]) -> Vec<PlannedEdge> {
    let rules = Rules::of(plan, earlier);
    let mut edges = Vec::new();
    for node in &plan.nodes {
        for rule in &node.rules {
            let own = cluster.and_then(|cluster| cluster.node(&node.node));
            let site = Site { node, rule, own, rules: &rules };
            edges.extend(site.own_edges());
            edges.extend(site.peers(cluster));
        }
    }
    edges
}

/// A rule on its node.
struct Site<'a> {
    node: &'a NodePlan,
    rule: &'a PlannedRule,
    /// The node in the inventory.
    own: Option<&'a Node>,
    rules: &'a Rules,
}

impl Site<'_> {
    /// Whether the service that is cut is the peer's, and the node its client.
    fn node_is_client(&self) -> bool {
        self.rule.ports.is_empty() && !self.rule.peer_ports.is_empty()
    }

    fn edge(&self, peer: &str, aim: Result<Aim, String>) -> PlannedEdge {
        PlannedEdge {
            node: self.node.node.clone(),
            rule: self.rule.origin,
            action: self.rule.action,
            interfaces: self.rule.interfaces.clone(),
            peer: peer.to_owned(),
            aim,
        }
    }

    /// The node and itself, where the rule holds on `lo`.
    fn own_edges(&self) -> Vec<PlannedEdge> {
        let named = &self.rule.interfaces;
        let on_lo = if named.is_empty() { self.rule.loopback } else { named.iter().any(|name| name == "lo") };
        if !on_lo {
            return Vec::new();
        }
        let own = self.own.map(|node| node.address);
        let addresses = [Some(IpAddr::from(Ipv4Addr::LOCALHOST)), own];
        let here = addresses.into_iter().flatten().find(|address| self.names(*address));
        let Some(address) = here else { return Vec::new() };
        let end = End { target: self.node.target.clone(), address };
        self.aims(&end, &end, self.own).into_iter().map(|aim| self.edge("lo", aim)).collect()
    }

    fn names(&self, address: IpAddr) -> bool {
        self.rule.peers.is_empty() || self.rule.peers.iter().any(|prefix| prefix.contains(&address))
    }

    /// The node and the others.
    fn peers(&self, cluster: Option<&Inventory>) -> Vec<PlannedEdge> {
        if !self.rule.interfaces.is_empty() && self.rule.interfaces.iter().all(|name| name == "lo") {
            return Vec::new();
        }
        let nodes = cluster.map_or(&[][..], |cluster| &cluster.nodes);
        let others = nodes.iter().filter(|other| other.name != self.node.node && self.names(other.address));
        let mut edges: Vec<_> = others.flat_map(|other| self.peer(other)).collect();
        let known = |prefix: &&IpNet| {
            let own =
                prefix.addr().is_loopback() || self.own.is_some_and(|own| prefix.contains(&own.address));
            own || nodes.iter().any(|node| prefix.contains(&node.address))
        };
        let rest: Vec<_> = self.rule.peers.iter().filter(|prefix| !known(prefix)).collect();
        let why = if cluster.is_some() {
            "it is no node of the inventory"
        } else {
            "no inventory says how to enter it"
        };
        let unknown = |peer: &str| self.edge(peer, Err(why.to_owned()));
        if self.rule.peers.is_empty() && self.own.is_none() {
            edges.push(unknown("everyone"));
        } else if rest.len() > MOST_PREFIXES {
            edges.push(unknown(&format!("{} prefixes", rest.len())));
        } else {
            edges.extend(
                rest.iter().map(|prefix| unknown(&crate::policy::Peer::Prefix(**prefix).to_string())),
            );
        }
        edges
    }

    fn peer(&self, other: &Node) -> Vec<PlannedEdge> {
        let Some(own) = self.own else {
            let why =
                format!("the inventory does not say under which address {} finds this node", other.name);
            return vec![self.edge(&other.name, Err(why))];
        };
        if own.address.is_ipv4() != other.address.is_ipv4() {
            let why = format!("{} and {} have addresses of different families", own.name, other.name);
            return vec![self.edge(&other.name, Err(why))];
        }
        let here = End { target: self.node.target.clone(), address: own.address };
        let there = End { target: other.transport.clone(), address: other.address };
        let aims = if self.node_is_client() {
            self.aims(&here, &there, Some(other))
        } else {
            self.aims(&there, &here, Some(own))
        };
        aims.into_iter().map(|aim| self.edge(&other.name, aim)).collect()
    }

    /// A probe for each range of ports of the service.
    fn aims(&self, client: &End, server: &End, service: Option<&Node>) -> Vec<Result<Aim, String>> {
        let rule = self.rule;
        let (at_server, at_client) = if self.node_is_client() {
            (&rule.peer_ports, &rule.ports)
        } else {
            (&rule.ports, &rule.peer_ports)
        };
        let any = service.map_or(ANY_PORT, |node| node.postgres_port);
        let ports: Vec<u16> = if at_server.is_empty() {
            vec![any]
        } else {
            at_server.iter().map(|range| range.first).collect()
        };
        let from_port = match at_client.as_slice() {
            [] => None,
            ranges if ranges.iter().any(|range| range.contains(EPHEMERAL)) => None,
            [range, ..] => Some(range.first),
        };
        let to = |port| Aimed {
            client,
            to: SocketAddr::new(server.address, port),
            from_port,
            server: &server.target,
        };
        ports.into_iter().map(|port| self.aim(&to(port))).collect()
    }

    fn aim(&self, aimed: &Aimed<'_>) -> Result<Aim, String> {
        if let Some(why) = self.rule.spares_probes() {
            return Err(why.to_owned());
        }
        let manner = self.rule.manner();
        let path = Path {
            client: aimed.client,
            server: aimed.server,
            to: aimed.to,
            from_port: aimed.from_port.unwrap_or(40_000),
        };
        let Fate { met, decided_by, own_hits, tries } = self.rules.fate(&path, manner);
        match decided_by {
            Some(by) if by.earlier => Err("a cut that was there before decides these packets".to_owned()),
            None => Err("none of the packets that a probe may send is one that the rule names".to_owned()),
            Some(Decider { by, .. }) if met == ProbeMet::Passes => {
                Err(format!("rule {} of {} lets these packets go on", by.rule + 1, by.node))
            }
            Some(Decider { by, .. }) => Ok(Aim {
                from: aimed.client.target.clone(),
                to: aimed.to,
                from_port: aimed.from_port,
                manner,
                expect: met,
                by,
                tries,
                own_hits,
            }),
        }
    }
}

/// Whom a probe goes to.
struct Aimed<'a> {
    client: &'a End,
    server: &'a Target,
    to: SocketAddr,
    from_port: Option<u16>,
}

#[cfg(test)]
mod tests;
