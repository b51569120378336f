//! A policy as its author wrote it: names and roles, nothing resolved.

use std::fmt;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Delay, Narrowing, Topology};

/// A policy file: a description, and the rules and topologies that make up the cut, of which there is at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What the cut is, for people.
    pub description: String,
    /// Where two rules match a packet, the earlier one decides.
    pub rules: Vec<Rule>,
    /// Their rules come behind all others.
    pub topologies: Vec<Topology>,
}

impl Policy {
    /// What messages call a part of the policy. Parts are counted from 0, the rules first, then the topologies.
    pub fn part(&self, origin: usize) -> String {
        match origin.checked_sub(self.rules.len()) {
            Some(topology) => format!("topology {}", topology + 1),
            None => format!("rule {}", origin + 1),
        }
    }
}

/// One line of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where the rule is enforced.
    pub node: NodeSelector,
    /// Which way the packets go, seen from the node.
    pub direction: Direction,
    /// Which transport protocol.
    pub protocol: Protocol,
    /// The node's own ports; empty means every port.
    pub ports: Vec<PortRange>,
    /// The peer's ports; empty means every port.
    pub peer_ports: Vec<PortRange>,
    /// Who the node is cut from; empty means everyone, `"*"` in the file.
    pub peers: Vec<Peer>,
    /// Which packets of a flow.
    pub flows: Flows,
    /// Which of the packets that match are hit.
    pub narrowing: Narrowing,
    /// What happens to a packet that is hit.
    pub action: Action,
    /// How much later it goes on; given exactly where it is delayed.
    pub delay: Option<Delay>,
    /// Also close the node's TCP sockets whose packets it hits, when it comes into force.
    pub close_sockets: bool,
    /// Also what the node sends to itself through `lo`.
    pub loopback: bool,
    /// The interfaces to cut on; empty means every interface that is up.
    pub interfaces: Vec<String>,
}

/// Where a rule is enforced: the `node` key of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NodeSelector {
    /// `local`: the target that the command names, this machine unless told otherwise.
    Local,
    /// `@leader`: the node that holds the leader key.
    Leader,
    /// `@replica`: every member that is not the leader.
    Replica,
    /// `@sync`: every synchronous standby.
    Sync,
    /// `@any-replica`: one member that is not the leader, the first by name. In a run, the same all the way.
    AnyReplica,
    /// `@other-replica`: the second by name of the members that are not the leader. In a run, the same all the way.
    OtherReplica,
    /// `@any`: one member, the first by name.
    Any,
    /// `*`: every node of the inventory.
    All,
    /// A node by its name in the inventory.
    Name(String),
}

impl fmt::Display for NodeSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Leader => "@leader",
            Self::Replica => "@replica",
            Self::Sync => "@sync",
            Self::AnyReplica => "@any-replica",
            Self::OtherReplica => "@other-replica",
            Self::Any => "@any",
            Self::All => "*",
            Self::Name(name) => name,
        })
    }
}

/// Who the node is cut from: an entry of the `peers` key.
///
/// A selector never means the node itself, except on `lo`, in a rule with `loopback = true`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Nodes of the cluster, by role or by name.
    Node(NodeSelector),
    /// An address or a prefix, IPv4 or IPv6, as the author wrote it.
    Prefix(IpNet),
}

/// Which way packets go, seen from the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Arriving at the node.
    In,
    /// Leaving the node.
    Out,
    /// Either.
    Both,
}

/// Which transport protocol a rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TCP (RFC 9293).
    Tcp,
    /// UDP (RFC 768).
    Udp,
    /// Every IP protocol, except that IPv6 neighbour discovery passes, as ARP does for IPv4.
    /// In a rule that names ports: every protocol that has them, TCP and UDP.
    Any,
}

/// Which packets of a flow a rule names. Judged by the packet alone, without connection tracking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Flows {
    /// Every packet.
    All,
    /// TCP segments with SYN and without ACK: attempts to connect.
    New,
    /// Every other TCP segment.
    Established,
}

/// What happens to a packet that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The packet vanishes.
    Drop,
    /// The sender gets ICMP or `ICMPv6` port unreachable (RFC 792, RFC 4443 3.1).
    Reject,
    /// The sender gets a TCP RST (RFC 9293 3.10.7.1).
    Reset,
    /// The packet goes on, and a copy of it, too.
    Duplicate,
    /// The packet goes on with a bit of its data changed and a checksum that is right.
    Corrupt,
    /// The packet goes on later.
    Delay,
}

impl Action {
    /// Whether a packet that is hit gets no further.
    pub fn stops(self) -> bool {
        matches!(self, Self::Drop | Self::Reject | Self::Reset)
    }
}

/// Ports from `first` to `last`, both included; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
pub struct PortRange {
    /// The lowest port.
    pub first: u16,
    /// The highest port, at least `first`.
    pub last: u16,
}

impl PortRange {
    /// Whether all of `other` lies in this range.
    pub fn contains(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// Whether the two have a port in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}
