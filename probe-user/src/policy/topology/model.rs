//! A topology as its author wrote it: a shape and who takes part in it, nothing resolved.

use std::fmt;

use ipnet::IpNet;

use super::super::{NodeSelector, Rule};

/// A `[[topology]]` of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Who can no longer hear whom.
    pub shape: Shape,
    /// What becomes of the packets in question, in a rule's own words. Its `node`, `direction` and `peers` say nothing:
    /// they are those of each edge. `ports` are the ports of whoever does not hear, `peer_ports` those of who is not
    /// heard.
    pub how: Rule,
}

/// A shape, and who stands where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Groups that do not hear each other. Every node of the inventory is in one.
    Split {
        /// Two or more.
        groups: Vec<Vec<Member>>,
    },
    /// One node on its own.
    Isolate {
        /// The node.
        node: NodeSelector,
        /// Whom it is cut from; empty means every other node.
        from: Vec<Member>,
    },
    /// A minority is cut off from all others.
    Majority {
        /// Who is in it; empty means as many as can be, the first by name of those that `keep` does not name.
        minority: Vec<Member>,
        /// Who is surely on the majority's side.
        keep: Vec<Member>,
    },
    /// Two groups that do not hear each other, and one node that hears both.
    Bridge {
        /// The node in between.
        node: NodeSelector,
        /// The two groups. Every other node of the inventory is in one.
        groups: Vec<Vec<Member>>,
    },
    /// Everyone hears the one before and the one behind, and nobody else.
    Ring {
        /// The order; empty means the inventory's nodes in theirs.
        nodes: Vec<Member>,
    },
    /// Packets from one side to the other are cut, and those the other way pass.
    OneWay {
        /// Who is not heard.
        from: Vec<Member>,
        /// Who does not hear.
        to: Vec<Member>,
    },
    /// A single pair, both ways.
    Edge {
        /// The one end, and the other.
        between: [Member; 2],
    },
}

/// Who takes part in a topology.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Member {
    /// Nodes of the inventory, by role or by name; never `local`.
    Node(NodeSelector),
    /// `@dcs`: the hosts of the inventory's etcd endpoints, as far as they are not nodes.
    Dcs,
    /// `@haproxy`: the inventory's load balancer, unless it is a node.
    Haproxy,
    /// An address or a prefix outside of the inventory.
    Prefix(IpNet),
}

impl Member {
    /// What a topology knows besides the roles of nodes, as it is written.
    pub const OUTSIDE: &'static [(&'static str, Self)] = &[("@dcs", Self::Dcs), ("@haproxy", Self::Haproxy)];
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(selector) => selector.fmt(f),
            Self::Dcs => f.write_str("@dcs"),
            Self::Haproxy => f.write_str("@haproxy"),
            Self::Prefix(prefix) => super::super::Peer::Prefix(*prefix).fmt(f),
        }
    }
}

/// A shape by its name: the `kind` key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShapeKind {
    /// `split`
    Split,
    /// `isolate`
    Isolate,
    /// `majority`
    Majority,
    /// `bridge`
    Bridge,
    /// `ring`
    Ring,
    /// `one-way`
    OneWay,
    /// `edge`
    Edge,
}

impl ShapeKind {
    /// Every kind, as it is written.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("split", Self::Split),
        ("isolate", Self::Isolate),
        ("majority", Self::Majority),
        ("bridge", Self::Bridge),
        ("ring", Self::Ring),
        ("one-way", Self::OneWay),
        ("edge", Self::Edge),
    ];
}

impl fmt::Display for ShapeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::WORDS.iter().find(|(_, kind)| kind == self);
        f.write_str(word.map_or("", |(word, _)| *word))
    }
}

impl Shape {
    /// Its name.
    pub fn kind(&self) -> ShapeKind {
        match self {
            Self::Split { .. } => ShapeKind::Split,
            Self::Isolate { .. } => ShapeKind::Isolate,
            Self::Majority { .. } => ShapeKind::Majority,
            Self::Bridge { .. } => ShapeKind::Bridge,
            Self::Ring { .. } => ShapeKind::Ring,
            Self::OneWay { .. } => ShapeKind::OneWay,
            Self::Edge { .. } => ShapeKind::Edge,
        }
    }

    /// The node selectors that it names.
    pub(in crate::policy) fn selectors(&self) -> impl Iterator<Item = &NodeSelector> {
        let (node, lists): (Option<&NodeSelector>, Vec<&[Member]>) = match self {
            Self::Split { groups } => (None, groups.iter().map(Vec::as_slice).collect()),
            Self::Isolate { node, from } => (Some(node), vec![from]),
            Self::Majority { minority, keep } => (None, vec![minority, keep]),
            Self::Bridge { node, groups } => (Some(node), groups.iter().map(Vec::as_slice).collect()),
            Self::Ring { nodes } => (None, vec![nodes]),
            Self::OneWay { from, to } => (None, vec![from, to]),
            Self::Edge { between } => (None, vec![between]),
        };
        let members = lists.into_iter().flatten().filter_map(|member| match member {
            Member::Node(selector) => Some(selector),
            Member::Dcs | Member::Haproxy | Member::Prefix(_) => None,
        });
        node.into_iter().chain(members)
    }
}
