//! Which node an expectation is about.

use std::{convert::Infallible, fmt, str::FromStr};

use super::Evidence;
use crate::{
    document::{Reported, Table, Value, nearest},
    schema::named,
};

/// A node by name or by the part it played. Parts are those of the run's zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeRef {
    /// `@leader`, `@old-leader`: who held the leader key at the first cut or action.
    Leader,
    /// `@new-leader`: the first other node that held it after that.
    NewLeader,
    /// `@replica`: every other node than `@leader`.
    Replica,
    /// `@any-replica`: the first of them by name.
    AnyReplica,
    /// `@other-replica`: the second of them by name.
    OtherReplica,
    /// `*`: every node.
    Every,
    /// By its name.
    Name(String),
}

const HELP: &str = "write @leader (of the time of the cut; @old-leader is the same), @new-leader, @replica, \
                    @any-replica, @other-replica, \"*\" or a node's name";

/// The first word of a part is what it is called in messages.
const WORDS: [(&str, NodeRef); 7] = [
    ("@leader", NodeRef::Leader),
    ("@old-leader", NodeRef::Leader),
    ("@new-leader", NodeRef::NewLeader),
    ("@replica", NodeRef::Replica),
    ("@any-replica", NodeRef::AnyReplica),
    ("@other-replica", NodeRef::OtherReplica),
    ("*", NodeRef::Every),
];

impl NodeRef {
    /// What may stand behind `node`.
    pub(in crate::scenario) fn schema(description: &str) -> serde_json::Value {
        named(description, &WORDS.map(|(word, _)| word), &[])
    }

    /// The field `node`.
    pub(in crate::scenario) fn read(table: &Table<'_>) -> Result<Self, Reported> {
        Self::of(&table.required("node", HELP)?)
    }

    /// The field `node`; every node without it.
    pub(in crate::scenario) fn read_or_every(table: &Table<'_>) -> Result<Self, Reported> {
        table.optional("node").map_or(Ok(Self::Every), |value| Self::of(&value))
    }

    fn of(value: &Value<'_>) -> Result<Self, Reported> {
        let text = value.text()?;
        let node = value.parse(HELP)?;
        if text.is_empty() || (text.starts_with('@') && matches!(node, Self::Name(_))) {
            let meant = nearest(text, WORDS.iter().map(|(word, _)| *word));
            let help = meant.map_or_else(|| HELP.to_owned(), |meant| format!("did you mean `{meant}`?"));
            return Err(value.refuse(format!("`node` cannot be `{text}`"), "unknown role", help));
        }
        Ok(node)
    }

    /// The nodes that are meant in this run; none where nobody played the part.
    pub(in crate::scenario) fn resolve(&self, evidence: &Evidence<'_>) -> Vec<String> {
        let replica = |node: &&String| Some(*node) != evidence.leader.as_ref();
        let replicas = || evidence.nodes.iter().filter(replica).cloned();
        match self {
            Self::Leader => evidence.leader.clone().into_iter().collect(),
            Self::NewLeader => evidence.new_leader.clone().into_iter().collect(),
            // Who is a replica is known only where somebody leads.
            Self::AnyReplica | Self::OtherReplica if evidence.leader.is_none() => Vec::new(),
            Self::Replica => replicas().collect(),
            Self::AnyReplica => replicas().take(1).collect(),
            Self::OtherReplica => replicas().skip(1).take(1).collect(),
            Self::Every => evidence.nodes.clone(),
            Self::Name(name) => vec![name.clone()],
        }
    }
}

impl FromStr for NodeRef {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let known = WORDS.into_iter().find(|(word, _)| *word == text);
        Ok(known.map_or_else(|| Self::Name(text.to_owned()), |(_, node)| node))
    }
}

impl fmt::Display for NodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.pad(name),
            part => f.pad(WORDS.iter().find(|(_, node)| node == part).map_or("", |(word, _)| word)),
        }
    }
}
