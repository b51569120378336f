//! The record as expectations look at it, and what they find.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    clock::BootInstant,
    cluster::Timings,
    record::{
        Environment, Event, Kind, Metrics, Transition, View, Zero, before, first_action, in_order, metrics,
        transitions, zero,
    },
    scenario::{Expression, NotYetKnown, Scope},
};

/// The record of one run, prepared once for all its expectations.
#[derive(Debug)]
pub struct Evidence<'run> {
    /// The events, by the boot clock.
    pub events: Vec<&'run Event>,
    /// What follows from them.
    pub transitions: Vec<Transition>,
    /// The numbers that follow from them.
    pub metrics: Metrics,
    /// The run's zero; `None` where nothing was recorded.
    pub zero: Option<Zero>,
    /// When the first cut came into force.
    pub first_cut: Option<BootInstant>,
    /// The last revert.
    pub revert: Option<BootInstant>,
    /// The last event.
    pub end: BootInstant,
    /// What was last seen of everything before the first cut came into force.
    pub start: View,
    /// `@leader`: who held the leader key when the first cut came into force.
    pub leader: Option<String>,
    /// `@new-leader`: the first other node to hold it after that.
    pub new_leader: Option<String>,
    /// Every node of the inventory, and every other one with a member key or a REST API, by name.
    pub nodes: Vec<String>,
    /// What names in expressions stand for.
    pub scope: Scope,
}

impl<'run> Evidence<'run> {
    /// The evidence in a record.
    pub fn new(events: &'run [Event], timings: Timings) -> Self {
        let ordered = in_order(events);
        let zero = zero(events);
        let transitions = transitions(events);
        let moment = |kind| ordered.iter().find(|event| event.kind == kind).map(|event| event.boot_ns);
        let first_cut = moment(Kind::Applied);
        let revert =
            ordered.iter().rev().find(|event| event.kind == Kind::Reverted).map(|event| event.boot_ns);
        // Parts are settled by whatever came first, the cut or the action.
        let settled = first_cut.into_iter().chain(first_action(events)).min();
        let from = settled.or(zero.map(|zero| zero.at)).unwrap_or_default();
        let start = View::after(before(&ordered, from));
        let leader = start.holder().map(str::to_owned);
        let new_leader = ordered
            .iter()
            .filter(|event| event.boot_ns >= from && event.kind == Kind::LeaderKey)
            .filter_map(|event| View::after([*event]).holder().map(str::to_owned))
            .find(|holder| Some(holder) != leader.as_ref());
        let last = View::after(ordered.iter().copied());
        let environment = ordered.iter().filter(|event| event.kind == Kind::Environment);
        let named = environment.filter_map(|event| event.after_as::<Environment>()).flat_map(|on| on.nodes);
        let seen = last.members.keys().chain(last.rest.keys()).cloned();
        let mut nodes: Vec<String> = named.chain(seen).collect();
        nodes.sort_unstable();
        nodes.dedup();
        Self {
            metrics: metrics(events),
            transitions,
            zero,
            first_cut,
            revert,
            end: ordered.last().map(|event| event.boot_ns).unwrap_or_default(),
            start,
            leader,
            new_leader,
            nodes,
            scope: Scope { timings, cut: first_cut.zip(revert).map(|(begin, end)| end.since(begin)) },
            events: ordered,
        }
    }

    /// A time span in this run: the cluster's timings, and how long the cut lasted.
    pub fn span(&self, expression: &Expression) -> Result<Duration, NotYetKnown> {
        expression.evaluate(&self.scope)
    }

    /// Seconds on the run's clock.
    pub fn seconds(&self, at: BootInstant) -> Option<f64> {
        self.zero.map(|zero| zero.seconds(at))
    }

    /// When something was first true at or after `from`: at `from` itself if it was true then.
    pub(super) fn first_time(&self, from: BootInstant, sees: impl Fn(&View) -> Option<bool>) -> FirstTime {
        let mut view = View::default();
        let mut last = None;
        for event in &self.events {
            if event.boot_ns >= from && last == Some(true) {
                return FirstTime::At(from);
            }
            view.take(event);
            last = sees(&view).or(last);
            if event.boot_ns >= from && last == Some(true) {
                return FirstTime::At(event.boot_ns);
            }
        }
        if last.is_some() { FirstTime::Never } else { FirstTime::NotSeen }
    }
}

/// When something was first true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstTime {
    /// Then.
    At(BootInstant),
    /// Not while it was watched.
    Never,
    /// There was nothing to look at.
    NotSeen,
}

/// Whether an expectation was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was.
    Pass,
    /// It was not.
    Fail,
    /// The record does not say: nobody watched, or the moment that it counts from never came.
    Error,
}

/// What was expected and what was observed, in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Whether it was met.
    pub verdict: Verdict,
    /// What was expected.
    pub expected: String,
    /// What was observed.
    pub observed: String,
    /// The moment that decided, in seconds on the run's clock.
    pub at_s: Option<f64>,
}

impl Finding {
    /// A finding without a moment.
    pub(super) fn new(verdict: Verdict, expected: impl Into<String>, observed: impl Into<String>) -> Self {
        Self { verdict, expected: expected.into(), observed: observed.into(), at_s: None }
    }

    /// Met, or not.
    pub(super) fn met(met: bool, expected: impl Into<String>, observed: impl Into<String>) -> Self {
        Self::new(if met { Verdict::Pass } else { Verdict::Fail }, expected, observed)
    }

    pub(super) fn at(mut self, at_s: Option<f64>) -> Self {
        self.at_s = at_s;
        self
    }

    pub(super) fn named(self, name: &str) -> Judgement {
        let Self { verdict, expected, observed, at_s } = self;
        Judgement { name: name.to_owned(), verdict, expected, observed, at_s, in_table: true }
    }
}

/// An expectation and what became of it, as it stands in `result.json`.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Judgement {
    /// The expectation's name.
    pub name: String,
    /// Whether it was met.
    pub verdict: Verdict,
    /// What was expected.
    pub expected: String,
    /// What was observed.
    pub observed: String,
    /// The moment that decided, in seconds on the run's clock.
    pub at_s: Option<f64>,
    /// Whether the table of a suite has it among what was measured; left out where it does.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub in_table: bool,
}

fn yes() -> bool {
    true
}
