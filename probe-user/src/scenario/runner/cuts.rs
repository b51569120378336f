//! The cuts that a run has in force. Dropping them reverts them.

use std::{any::Any, collections::BTreeMap, fmt::Write, time::Duration};

use serde_json::Value;

use super::world::{Failure, World};
use crate::{
    causes::in_a_line,
    cluster::Inventory,
    cut::{Cut, CutId, CutStatus},
    policy::{NodePlan, Plan},
    proof::{PlannedEdge, planned_edges},
    record::{Applied, Event, EventSink, HitSummary, Kind, Reverted, Source},
};

pub(super) struct Cuts<'run> {
    world: &'run dyn World,
    sink: EventSink,
    held: Vec<Held>,
}

struct Held {
    name: String,
    id: CutId,
    /// What it enforces where.
    nodes: Vec<NodePlan>,
    /// Turns counters into events while it lives.
    counting: Option<Box<dyn Any>>,
    /// Turns what probes meet into events while it lives.
    probing: Option<Box<dyn Any>>,
}

impl<'run> Cuts<'run> {
    pub(super) fn new(world: &'run dyn World, sink: EventSink) -> Self {
        Self { world, sink, held: Vec::new() }
    }

    /// Puts a plan in force, and holds it under this name.
    pub(super) fn apply(
        &mut self,
        name: &str,
        cluster: &Inventory,
        plan: &Plan,
        lease: Duration,
    ) -> Result<(), Failure> {
        let edges = planned_edges(plan, Some(cluster), &self.in_force());
        let cut = self.world.apply(cluster, plan, &edges, lease)?;
        // Held before anything else can fail.
        let nodes = plan.nodes.clone();
        self.held.push(Held {
            name: name.to_owned(),
            id: cut.id.clone(),
            nodes,
            counting: None,
            probing: None,
        });
        self.record_applied(&cut, plan, &edges);
        let counting = self.world.count_hits(&cut, self.sink.clone())?;
        if let Some(held) = self.held.last_mut() {
            held.counting = Some(counting);
            held.probing = Some(self.world.probe(&cut, edges, self.sink.clone()));
        }
        Ok(())
    }

    /// Reverts the cut of this name, or all. Goes on after a failure, and tells all of them.
    pub(super) fn revert(&mut self, name: Option<&str>, why: &str) -> Result<(), String> {
        let mut failures = String::new();
        let (wanted, kept) = std::mem::take(&mut self.held)
            .into_iter()
            .partition::<Vec<_>, _>(|held| name.is_none_or(|name| held.name == name));
        self.held = kept;
        for mut held in wanted {
            // A probe under way must meet the cut, and what it hits be counted.
            held.probing = None;
            held.counting = None;
            match self.world.revert(&held.id) {
                Ok(nodes) => self.record_reverted(&nodes, why),
                Err(error) => {
                    // Writing to a string cannot fail.
                    let _ = write!(failures, "{} cannot be reverted: {}; ", held.id, in_a_line(&*error));
                    // Once more at the drop; the lease ends it in any case.
                    self.held.push(held);
                }
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(failures + "its lease ends it") }
    }

    /// The rules of all cuts in force, the earliest first.
    fn in_force(&self) -> Vec<NodePlan> {
        self.held.iter().flat_map(|held| held.nodes.iter().cloned()).collect()
    }

    fn record_applied(&self, cut: &Cut, plan: &Plan, edges: &[PlannedEdge]) {
        for node in &plan.nodes {
            let status = cut.nodes.iter().find(|status| status.node == node.node);
            let hooks = status.map(|status| status.hooks.as_slice()).unwrap_or_default();
            let mut backends: Vec<_> =
                status.iter().flat_map(|status| &status.rules).map(|rule| rule.backend.clone()).collect();
            backends.sort_unstable();
            backends.dedup();
            let applied = Applied {
                cut: cut.id.to_string(),
                deadline: cut.deadline,
                backend: backends.join("+"),
                hooks: hooks
                    .iter()
                    .map(|hook| format!("{} {} {}", hook.interface, hook.hook, hook.mode))
                    .collect(),
                rules: node.rules.clone(),
                edges: edges.iter().filter(|edge| edge.node == node.node).cloned().collect(),
                closed_sockets: cut.closed_sockets.get(&node.node).copied(),
            };
            self.send(&node.node, Kind::Applied, &applied);
        }
    }

    fn record_reverted(&self, nodes: &[CutStatus], why: &str) {
        for status in nodes {
            let reverted =
                Reverted { cut: status.id.to_string(), why: why.to_owned(), rules: summaries(status) };
            self.send(&status.node, Kind::Reverted, &reverted);
        }
    }

    fn send(&self, node: &str, kind: Kind, payload: &impl serde::Serialize) {
        let after = serde_json::to_value(payload).unwrap_or_default();
        self.sink.send(Event::now(Some(node), Source::Cut, kind, Value::Null, after));
    }
}

impl Drop for Cuts<'_> {
    fn drop(&mut self) {
        if !self.held.is_empty()
            && let Err(error) = self.revert(None, "interrupted")
        {
            tracing::error!(%error, "a cut could not be reverted");
        }
    }
}

/// The counters of a node's rules. One rule of the policy may be enforced in several places (XDP on one
/// interface, TC on another): its counters are added up.
fn summaries(status: &CutStatus) -> Vec<HitSummary> {
    let mut rules: BTreeMap<usize, HitSummary> = BTreeMap::new();
    for part in &status.rules {
        let rule = rules.entry(part.rule.origin).or_insert_with(|| HitSummary {
            cut: status.id.to_string(),
            rule: part.rule.origin,
            action: part.rule.action,
            packets: 0,
            bytes: 0,
            first: None,
            last: None,
            example: None,
        });
        rule.packets += part.packets;
        rule.bytes += part.bytes;
        rule.first = [rule.first, part.first].into_iter().flatten().min();
        rule.last = rule.last.max(part.last);
    }
    rules.into_values().collect()
}
