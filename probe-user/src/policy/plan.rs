//! A policy resolved against a live cluster. Pure data: printing it is the dry run.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, Delay, Direction, Flows, Narrowing, PortRange, Protocol};
use crate::cluster::Target;

/// For each node, the exact rules with addresses.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Plan {
    /// The policy's description.
    pub description: String,
    /// One entry for each node that has a rule; no node twice.
    pub nodes: Vec<NodePlan>,
}

/// The rules of one node.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct NodePlan {
    /// The node's name in the inventory, or the target where there is no inventory.
    pub node: String,
    /// Where the rules are enforced.
    pub target: Target,
    /// In the policy's order: where two match a packet, the earlier one decides.
    pub rules: Vec<PlannedRule>,
}

/// One rule with everything resolved.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct PlannedRule {
    /// Which rule of the policy this came from, counted from 0.
    pub origin: usize,
    /// Which way the packets go, seen from the node.
    pub direction: Direction,
    /// Which transport protocol.
    pub protocol: Protocol,
    /// The node's own ports; empty means every port.
    pub ports: Vec<PortRange>,
    /// The peer's ports; empty means every port.
    pub peer_ports: Vec<PortRange>,
    /// The peers' prefixes; empty means everyone.
    #[schemars(with = "Vec<String>")]
    pub peers: Vec<IpNet>,
    /// Which packets of a flow.
    pub flows: Flows,
    /// Which of the packets that match are hit.
    #[serde(flatten)]
    pub narrowing: Narrowing,
    /// What happens to a packet that is hit.
    pub action: Action,
    /// How much later it goes on; given exactly where it is delayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay>,
    /// Also close the node's TCP sockets whose packets it hits, when it comes into force.
    #[serde(default, skip_serializing_if = "is_false")]
    pub close_sockets: bool,
    /// Also on `lo`.
    pub loopback: bool,
    /// The interfaces to cut on; empty means every interface that is up.
    pub interfaces: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde hands over")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Plan {
    /// Gives every rule that leaves something to chance a seed, so that what was done can be done again.
    pub fn settle_seeds(&mut self, mut draw: impl FnMut() -> u64) {
        for rule in self.nodes.iter_mut().flat_map(|node| &mut node.rules) {
            let jitters = rule.delay.is_some_and(|delay| delay.has_jitter());
            rule.narrowing.settle_seed(jitters, &mut draw);
        }
    }
}

#[cfg(test)]
impl PlannedRule {
    /// A rule for tests to change to their taste: TCP from everyone to 5432 vanishes, on `lo` too.
    pub(crate) fn sample() -> Self {
        Self {
            origin: 0,
            direction: Direction::In,
            protocol: Protocol::Tcp,
            ports: vec![PortRange { first: 5432, last: 5432 }],
            peer_ports: Vec::new(),
            peers: Vec::new(),
            flows: Flows::All,
            narrowing: Narrowing::default(),
            action: Action::Drop,
            delay: None,
            close_sockets: false,
            loopback: true,
            interfaces: Vec::new(),
        }
    }
}
