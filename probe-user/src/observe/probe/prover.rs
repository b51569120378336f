//! Probes while a cut is in force, as events.

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::round::probe_edges;
use crate::{
    cut::{CutId, remember},
    proof::{PlannedEdge, RuleHits},
    record::{EdgeProbe, Event, EventSink, Kind, Source},
};

/// How long probes wait for packets of others to hit every rule first: a run counts its seconds from the first hit, and
/// that is to be one of the cluster's own.
const COURTESY: Duration = Duration::from_secs(2);

/// How often the counters are looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(50);

/// How often every edge is probed anew.
const PERIOD: Duration = Duration::from_secs(30);

/// Says how often the rules were hit.
pub type RulesHit = Box<dyn Fn() -> Option<Vec<RuleHits>> + Send>;

/// Probes the edges of a cut until it is dropped: once as soon as its rules were hit, and every half minute. A round that
/// is under way is ended first, so that what it meets is still the cut.
#[derive(Debug)]
pub struct Prover {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Prover {
    /// Starts to probe.
    pub fn start(cut: CutId, edges: Vec<PlannedEdge>, hits: RulesHit, sink: EventSink) -> Self {
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            wait_for_others(&edges, &hits, &stopped);
            let mut told: Vec<EdgeProbe> = Vec::new();
            loop {
                // At least once, also where the cut ends at once: it would be unproven otherwise.
                let round = probe_edges(&cut, &edges, &hits);
                let news: Vec<_> = round.into_iter().filter(|probe| tell(&sink, &mut told, probe)).collect();
                if let Err(error) = remember(&cut, &news) {
                    tracing::debug!(%error, "`netsplit status` will not show what probes met");
                }
                if stopped.recv_timeout(PERIOD) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Prover {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("probing the cut broke down; its edges may stand as NO-TRAFFIC");
        }
    }
}

fn wait_for_others(edges: &[PlannedEdge], hits: &RulesHit, stopped: &Receiver<()>) {
    let deadline = Instant::now() + COURTESY;
    let hit = |edge: &PlannedEdge, hits: &[RuleHits]| {
        let by = edge.aim.as_ref().map(|aim| &aim.by);
        by.is_ok_and(|by| hits.iter().any(|one| one.rule == *by && one.packets > 0))
    };
    while Instant::now() < deadline {
        let hits = hits().unwrap_or_default();
        let told = stopped.recv_timeout(GLANCE) != Err(RecvTimeoutError::Timeout);
        if told || edges.iter().all(|edge| hit(edge, &hits)) {
            return;
        }
    }
}

/// Tells of an edge's probe, with the one before it; whether it met something new.
fn tell(sink: &EventSink, told: &mut Vec<EdgeProbe>, probe: &EdgeProbe) -> bool {
    let place = |one: &EdgeProbe| (one.node.clone(), one.rule, one.peer.clone(), one.to);
    let value = |probe: &EdgeProbe| serde_json::to_value(probe).unwrap_or_default();
    let known = told.iter_mut().find(|one| place(one) == place(probe));
    let before = known.as_deref().map_or(Value::Null, value);
    sink.send(Event::now(Some(&probe.node), Source::Prober, Kind::Probe, before, value(probe)));
    if let Some(known) = known {
        return std::mem::replace(known, probe.clone()).met != probe.met;
    }
    told.push(probe.clone());
    true
}
