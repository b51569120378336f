//! `until`: wait for the cluster.

use std::fmt;

use super::read::expression;
use crate::{
    document::{Reported, Table},
    record::{Event, View, member_back, metrics},
    scenario::Expression,
};

/// Wait until something is true, but not for ever.
#[derive(Clone, Debug, PartialEq)]
pub struct UntilStep {
    /// What must be true.
    pub condition: Condition,
    /// How long it is waited for.
    pub within: Expression,
    /// Without it the scenario ends; otherwise it goes on, and an expectation decides.
    pub required: bool,
}

/// Something that can be true of the record so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nobody holds the leader key, or somebody else.
    LeaderLost,
    /// Another node than before the cut holds it.
    NewLeader,
    /// Clients' writes have stopped.
    WritesStopped,
    /// Clients write again, after they could not.
    WritesBack,
    /// The nodes that were cut take part again, after the last revert.
    MemberBack,
    /// The cluster is [healthy](View::healthy).
    Healthy,
}

const WORDS: [(&str, Condition); 6] = [
    ("leader-lost", Condition::LeaderLost),
    ("new-leader", Condition::NewLeader),
    ("writes-stopped", Condition::WritesStopped),
    ("writes-back", Condition::WritesBack),
    ("member-back", Condition::MemberBack),
    ("healthy", Condition::Healthy),
];

impl Condition {
    /// Whether it is true after these events, in a cluster of these nodes.
    pub fn holds(self, events: &[Event], nodes: &[&str]) -> bool {
        let ordered = crate::record::in_order(events);
        match self {
            Self::LeaderLost => metrics(events).leader_lost_s.is_some(),
            Self::NewLeader => metrics(events).new_leader_s.is_some(),
            Self::WritesStopped => metrics(events).writes_stopped_s.is_some(),
            Self::WritesBack => metrics(events).writes_back_s.is_some(),
            Self::MemberBack => member_back(&ordered).is_some(),
            Self::Healthy => View::after(ordered).healthy(nodes),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = WORDS.iter().find(|(_, condition)| condition == self).map_or("", |(word, _)| word);
        f.pad(word)
    }
}

impl UntilStep {
    pub(super) fn read(table: &Table<'_>) -> Result<Self, Reported> {
        let help = "say what to wait for, as in until = \"new-leader\"";
        let condition = table.required("until", help).and_then(|value| value.keyword(&WORDS));
        let within = table
            .required("within", "say how long to wait at most, as in within = \"2 * ttl\"")
            .and_then(expression);
        let required = table.optional("required").map_or(Ok(false), |value| value.boolean());
        Ok(Self { condition: condition?, within: within?, required: required? })
    }
}
