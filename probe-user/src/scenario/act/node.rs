//! Which node an action is done to.

use std::fmt;

use crate::{
    document::{Reported, Value},
    schema::named,
};

/// One node, by name or by the part that it plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActNode {
    /// `@leader`: who holds the leader key when the step begins.
    Leader,
    /// `@old-leader`: who held it before the first cut or action; now, before there is one.
    OldLeader,
    /// `@new-leader`: the first other node that held it after that.
    NewLeader,
    /// `@any-replica`: the first by name of the nodes that are not [`Self::OldLeader`].
    AnyReplica,
    /// `@other-replica`: the second of them.
    OtherReplica,
    /// A node by its name.
    Name(String),
}

/// The parts that a node can play.
const ROLES: [(&str, ActNode); 5] = [
    ("@leader", ActNode::Leader),
    ("@old-leader", ActNode::OldLeader),
    ("@new-leader", ActNode::NewLeader),
    ("@any-replica", ActNode::AnyReplica),
    ("@other-replica", ActNode::OtherReplica),
];

impl ActNode {
    /// What [`Self::read`] reads.
    pub(super) fn schema(description: &str) -> serde_json::Value {
        named(description, &ROLES.map(|(word, _)| word), &["*", "local"])
    }

    pub(super) fn read(value: &Value<'_>) -> Result<Self, Reported> {
        let text = value.text()?;
        if let Some((_, node)) = ROLES.into_iter().find(|(word, _)| *word == text) {
            return Ok(node);
        }
        if text.is_empty() || text.starts_with('@') || ["*", "local"].contains(&text) {
            return Err(value.refuse(
                format!("`{}` cannot be `{text}`", value.key()),
                "not one node",
                format!(
                    "an action is done to one node: write {} or a node's name",
                    ROLES.map(|(word, _)| word).join(", ")
                ),
            ));
        }
        Ok(Self::Name(text.to_owned()))
    }
}

impl fmt::Display for ActNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Name(name) = self {
            return f.pad(name);
        }
        f.pad(ROLES.iter().find(|(_, role)| role == self).map_or("", |(word, _)| word))
    }
}
