//! Which node an action is done to.

use std::fmt;

use crate::document::{Reported, Value};

/// One node, by name or by the part that it plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActNode {
    /// `@leader`: who holds the leader key when the step begins.
    Leader,
    /// `@old-leader`: who held it before the first cut or action.
    OldLeader,
    /// `@any-replica`: one member that is not the leader, the first by name.
    AnyReplica,
    /// A node by its name.
    Name(String),
}

impl ActNode {
    pub(super) fn read(value: &Value<'_>) -> Result<Self, Reported> {
        let roles =
            [("@leader", Self::Leader), ("@old-leader", Self::OldLeader), ("@any-replica", Self::AnyReplica)];
        let text = value.text()?;
        if let Some((_, node)) = roles.into_iter().find(|(word, _)| *word == text) {
            return Ok(node);
        }
        if text.is_empty() || text.starts_with('@') || ["*", "local"].contains(&text) {
            return Err(value.refuse(
                format!("`{}` cannot be `{text}`", value.key()),
                "not one node",
                "an action is done to one node: write @leader, @old-leader, @any-replica or a node's name",
            ));
        }
        Ok(Self::Name(text.to_owned()))
    }
}

impl fmt::Display for ActNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Leader => "@leader",
            Self::OldLeader => "@old-leader",
            Self::AnyReplica => "@any-replica",
            Self::Name(name) => name,
        })
    }
}
