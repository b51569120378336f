//! `until`: wait for the cluster.

use std::fmt;

use super::read::expression;
use crate::{
    cluster::Timings,
    document::{Reported, Table},
    record::{Event, View, in_order, member_back, metrics},
    scenario::{
        Evidence, Expression, Logged, Sight,
        sight::{self, words},
    },
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nobody holds the leader key, or somebody else.
    LeaderLost,
    /// Another node than before the cut holds it.
    NewLeader,
    /// Clients' writes have stopped.
    WritesStopped,
    /// Clients write again, after they could not.
    WritesBack,
    /// The nodes that were cut or acted on take part again, after the last revert or action.
    MemberBack,
    /// The cluster is [healthy](View::healthy).
    Healthy,
    /// Something is to be seen at this moment.
    Sight(Sight),
    /// An entry was logged, since the run's zero.
    Logged(Logged),
}

pub(super) const WORDS: [(&str, Condition); 6] = [
    ("leader-lost", Condition::LeaderLost),
    ("new-leader", Condition::NewLeader),
    ("writes-stopped", Condition::WritesStopped),
    ("writes-back", Condition::WritesBack),
    ("member-back", Condition::MemberBack),
    ("healthy", Condition::Healthy),
];

/// What an `until` can say.
#[derive(Clone, Copy)]
enum Word {
    Plain(usize),
    Sight(sight::Word),
    Log,
}

impl Condition {
    fn read(table: &Table<'_>) -> Result<Self, Reported> {
        let help = "say what to wait for, as in until = \"new-leader\"";
        let plain = WORDS.iter().enumerate().map(|(index, (text, _))| (*text, Word::Plain(index)));
        let plain: Vec<_> = plain.chain([("log", Word::Log)]).collect();
        match table.required("until", help)?.keyword(&words(&plain, Word::Sight))? {
            Word::Plain(index) => Ok(WORDS[index].1.clone()),
            Word::Sight(word) => Sight::read(word, table).map(Self::Sight),
            Word::Log => Logged::read(table, "contains").map(Self::Logged),
        }
    }

    /// Whether it is true after these events, in a cluster of these nodes and timings.
    pub fn holds(&self, events: &[Event], nodes: &[&str], timings: Timings) -> bool {
        match self {
            Self::LeaderLost => metrics(events).leader_lost_s.is_some(),
            Self::NewLeader => metrics(events).new_leader_s.is_some(),
            Self::WritesStopped => metrics(events).writes_stopped_s.is_some(),
            Self::WritesBack => metrics(events).writes_back_s.is_some(),
            Self::MemberBack => member_back(&in_order(events)).is_some(),
            Self::Healthy => View::after(in_order(events)).healthy(nodes),
            Self::Sight(sight) => sight.now(&Evidence::new(events, timings)),
            Self::Logged(logged) => {
                let evidence = Evidence::new(events, timings);
                evidence.zero.is_some_and(|zero| logged.first(&evidence, zero.at).is_some())
            }
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sight(sight) => sight.fmt(f),
            Self::Logged(logged) => logged.fmt(f),
            plain => {
                f.pad(WORDS.iter().find(|(_, condition)| condition == plain).map_or("", |(word, _)| word))
            }
        }
    }
}

impl UntilStep {
    pub(super) fn read(table: &Table<'_>) -> Result<Self, Reported> {
        let condition = Condition::read(table);
        let within = table
            .required("within", "say how long to wait at most, as in within = \"2 * ttl\"")
            .and_then(expression);
        let required = table.optional("required").map_or(Ok(false), |value| value.boolean());
        Ok(Self { condition: condition?, within: within?, required: required? })
    }
}
