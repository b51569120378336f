//! A made-up world: no kernel, no cluster, and everything at once.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use serde_json::{Value, json};

use super::super::{Failure, Notice, Progress, Watching, World};
use crate::{
    clock::BootInstant,
    cluster::{Inventory, Target},
    cut::{Cut, CutId, CutStatus, RuleStatus},
    policy::Plan,
    proof::PlannedEdge,
    record::{EdgeProbe, Event, EventSink, Kind, ProbeMet, Source},
};

/// A world in which a cut that is hit loses the leader at once.
pub(super) struct MadeUp {
    pub(super) hits: bool,
    pub(super) refuses: bool,
    pub(super) sink: RefCell<Option<EventSink>>,
    pub(super) in_force: Rc<RefCell<Vec<(String, Duration)>>>,
    /// How often the run may ask whether to stop before it is told so.
    pub(super) patience: usize,
    pub(super) panics: bool,
    /// What probes meet, where it is not what the cut is for.
    pub(super) meets: Option<ProbeMet>,
    /// How many reverts fail before one succeeds.
    pub(super) stubborn: Cell<usize>,
}

impl Default for MadeUp {
    fn default() -> Self {
        Self {
            hits: true,
            refuses: false,
            sink: RefCell::default(),
            in_force: Rc::default(),
            patience: usize::MAX,
            panics: false,
            meets: None,
            stubborn: Cell::new(0),
        }
    }
}

pub(super) struct Quiet;

impl Watching for Quiet {
    fn ready(&self, _: Duration) -> Result<(), Failure> {
        Ok(())
    }

    fn stop(self: Box<Self>, _: Duration) {}
}

pub(super) fn event(node: Option<&str>, kind: Kind, after: Value) -> Event {
    Event::now(node, Source::Etcd, kind, Value::Null, after)
}

impl World for MadeUp {
    fn watch(&self, inventory: &Inventory, sink: EventSink) -> Result<Box<dyn Watching>, Failure> {
        sink.send(event(None, Kind::LeaderKey, json!({"holder": "pg1"})));
        for node in &inventory.nodes {
            let writable = node.name == "pg1";
            let inside = json!({"in_recovery": !writable, "read_only": !writable, "timeline": 1});
            sink.send(event(Some(&node.name), Kind::Inside, inside));
        }
        self.sink.replace(Some(sink));
        Ok(Box::new(Quiet))
    }

    fn apply(&self, _: &Inventory, plan: &Plan, _: &[PlannedEdge], lease: Duration) -> Result<Cut, Failure> {
        if self.refuses {
            return Err("this kernel has no BPF".into());
        }
        let id: CutId = serde_json::from_value(json!("c0ffee"))?;
        let nodes = plan
            .nodes
            .iter()
            .map(|node| {
                self.in_force.borrow_mut().push((node.node.clone(), lease));
                status(&id, &node.node, plan, 0)
            })
            .collect();
        let closing = plan.nodes.iter().filter(|node| node.rules.iter().any(|rule| rule.close_sockets));
        let closed_sockets = closing.map(|node| (node.node.clone(), 3)).collect();
        Ok(Cut { id, deadline: BootInstant::now() + lease, nodes, closed_sockets })
    }

    fn revert(&self, id: &CutId) -> Result<Vec<CutStatus>, Failure> {
        if let Some(left) = self.stubborn.get().checked_sub(1) {
            self.stubborn.set(left);
            return Err("the kernel is busy".into());
        }
        let nodes = self.in_force.take();
        let packets = u64::from(self.hits);
        let plan = Plan { description: String::new(), nodes: Vec::new() };
        Ok(nodes.iter().map(|(node, _)| status(id, node, &plan, packets)).collect())
    }

    fn count_hits(&self, cut: &Cut, sink: EventSink) -> Result<Box<dyn Any>, Failure> {
        assert!(!self.panics, "an observer of the kernel that is broken");
        let now = BootInstant::now();
        if self.hits {
            let hit = json!({"cut": cut.id, "rule": 0, "action": "drop", "packets": 1, "bytes": 74,
                             "first": now, "last": now});
            sink.send(event(Some("pg1"), Kind::Hit, hit));
            sink.send(event(None, Kind::LeaderKey, json!({"holder": "pg2"})));
        }
        Ok(Box::new(()))
    }

    fn probe(&self, cut: &Cut, edges: Vec<PlannedEdge>, sink: EventSink) -> Box<dyn Any> {
        for edge in &edges {
            let Ok(aim) = &edge.aim else { continue };
            let met = self.meets.clone().unwrap_or_else(|| aim.expect.clone());
            let probe = EdgeProbe {
                cut: cut.id.to_string(),
                node: edge.node.clone(),
                rule: edge.rule,
                peer: edge.peer.clone(),
                to: aim.to,
                began: BootInstant::now(),
                met,
                hits: u64::from(self.meets.is_none()),
                probes: 1,
                own_hits: aim.own_hits,
            };
            sink.send(event(Some(&edge.node), Kind::Probe, json!(probe)));
        }
        Box::new(())
    }
}

pub(super) fn status(id: &CutId, node: &str, plan: &Plan, packets: u64) -> CutStatus {
    let now = Some(BootInstant::now()).filter(|_| packets > 0);
    let rules = plan.nodes.iter().filter(|of| of.node == node).flat_map(|node| &node.rules);
    let rules = rules.map(|rule| RuleStatus {
        counter: 0,
        rule: rule.clone(),
        backend: "xdp".to_owned(),
        packets,
        bytes: packets * 74,
        first: now,
        last: now,
    });
    CutStatus {
        id: id.clone(),
        node: node.to_owned(),
        target: Target::Local,
        description: String::new(),
        deadline: BootInstant::now(),
        expired: false,
        hooks: Vec::new(),
        rules: rules.collect(),
        edges: Vec::new(),
    }
}

pub(super) struct Silent;

impl Progress for Silent {
    fn notice(&mut self, _: Notice<'_>) {}
}

/// Remembers what leases were asked for.
pub(super) struct Recording {
    pub(super) inner: MadeUp,
    pub(super) leases: Rc<RefCell<Vec<Duration>>>,
}

impl World for Recording {
    fn watch(&self, inventory: &Inventory, sink: EventSink) -> Result<Box<dyn Watching>, Failure> {
        self.inner.watch(inventory, sink)
    }

    fn apply(
        &self,
        cluster: &Inventory,
        plan: &Plan,
        edges: &[PlannedEdge],
        lease: Duration,
    ) -> Result<Cut, Failure> {
        self.leases.borrow_mut().push(lease);
        self.inner.apply(cluster, plan, edges, lease)
    }

    fn revert(&self, id: &CutId) -> Result<Vec<CutStatus>, Failure> {
        self.inner.revert(id)
    }

    fn count_hits(&self, cut: &Cut, sink: EventSink) -> Result<Box<dyn Any>, Failure> {
        self.inner.count_hits(cut, sink)
    }

    fn probe(&self, cut: &Cut, edges: Vec<PlannedEdge>, sink: EventSink) -> Box<dyn Any> {
        self.inner.probe(cut, edges, sink)
    }
}
