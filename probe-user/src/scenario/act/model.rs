//! An action as a step has it, and what comes of it.

use std::{fmt, sync::Arc};

use serde_json::json;

use super::{
    ActError, ActNode, Scene,
    kind::{KINDS, Kind, NodeField, count_in, kind_of},
    server,
};
use crate::{
    document::{Reported, Table},
    record::Answered,
    scenario::{Expression, step::expression},
    schema::{self, Key, Variant, has, says},
};

/// Something that is done to the cluster.
pub trait Action: fmt::Debug + Send + Sync {
    /// What it is, whole; `place` is empty, or such as ` on @leader`.
    fn in_words(&self, place: &str) -> String;

    /// Does it. Returns when it is done; gives up early when the scene says so.
    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError>;
}

/// What came of an action.
#[derive(Default)]
pub struct Outcome {
    /// In words.
    pub said: String,
    /// The request to Patroni that it was, and its answer.
    pub request: Option<Answered>,
}

/// A step that does something to the cluster.
#[derive(Clone, Debug)]
pub struct Act {
    node: Option<ActNode>,
    timeout: Expression,
    action: Arc<dyn Action>,
}

impl Outcome {
    pub(super) fn said(words: impl Into<String>) -> Self {
        Self { said: words.into(), ..Self::default() }
    }
}

impl Act {
    pub(in crate::scenario) fn count_in(table: &Table<'_>) -> usize {
        count_in(table)
    }

    /// The fields that name an action.
    pub(in crate::scenario) fn deeds() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|kind| kind.key)
    }

    /// What [`Self::read`] reads, by the field that names the action.
    pub(in crate::scenario) fn variants() -> Vec<Variant> {
        KINDS.iter().flat_map(variants).collect()
    }

    pub(in crate::scenario) fn read(table: &Table<'_>) -> Result<Self, Reported> {
        let kind = kind_of(table).unwrap_or(&KINDS[0]);
        let required = || {
            let help = "say where: \"@leader\", \"@old-leader\", \"@any-replica\" or a node's name";
            Some(table.required("node", help).and_then(|value| ActNode::read(&value)))
        };
        let optional = || table.optional("node").map(|value| ActNode::read(&value));
        let node = match kind.node {
            NodeField::Required => required(),
            NodeField::Optional => optional(),
            NodeField::OfServer => match server::own_machine(table, kind.key) {
                Some(machine) => optional().or(Some(Ok(machine))),
                None => required(),
            },
            NodeField::Absent => None,
        };
        let node = node.transpose();
        let timeout = table.optional("timeout").map(expression).transpose();
        let action = (kind.read)(table);
        let timeout = timeout?.unwrap_or_else(|| Expression::built_in(kind.timeout));
        Ok(Self { node: node?, timeout, action: Arc::from(action?) })
    }

    /// The action in words.
    pub fn in_words(&self) -> String {
        let place = self.node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
        self.action.in_words(&place)
    }

    /// How long it may take.
    pub fn timeout(&self) -> &Expression {
        &self.timeout
    }

    /// The node that it is done to.
    pub fn node(&self) -> Option<&ActNode> {
        self.node.as_ref()
    }

    /// Does it. Returns when it is done; gives up early when the scene says so.
    pub fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        self.action.perform(scene)
    }
}

fn variants(kind: &Kind) -> Vec<Variant> {
    let about = "The node that it is done to, by name or by its part.";
    let required = Key::required("node", ActNode::schema(about));
    let optional = Key::optional("node", ActNode::schema(about));
    let variant = |when, node: Option<&Key>| {
        let timeout = schema::expression(&format!("How long it may take; {} without it.", kind.timeout));
        let rest = node.cloned().into_iter().chain([Key::optional("timeout", timeout)]);
        Variant { when, keys: (kind.keys)().into_iter().chain(rest).collect() }
    };
    match kind.node {
        NodeField::Required => vec![variant(has(kind.key), Some(&required))],
        NodeField::Optional => vec![variant(has(kind.key), Some(&optional))],
        NodeField::Absent => vec![variant(has(kind.key), None)],
        NodeField::OfServer => {
            let own = says(kind.key, &server::OWN_MACHINE);
            let shared = json!({"allOf": [has(kind.key), {"not": own}]});
            vec![variant(own, Some(&optional)), variant(shared, Some(&required))]
        }
    }
}

/// An action's words say all of it.
impl PartialEq for Act {
    fn eq(&self, other: &Self) -> bool {
        self.in_words() == other.in_words() && self.timeout == other.timeout
    }
}
