//! Events → transitions: what changed, without what merely flickered.
//!
//! - The first sight of anything is where it starts from, not a change.
//! - One silence is one change: a port that first times out and then refuses is told once.
//! - A probe of ours (REST, port, etcd) that fails and succeeds again within [`FLAP`], or the other way round,
//!   had a bad moment; both are left out. So is a state in `patronictl list` that is taken back within that time.
//! - Writes have stopped when none was acknowledged for [`WRITE_PAUSE`](super::WRITE_PAUSE).
//! - `GET /cluster` is recorded, and told here by the member keys that it is made of.
//! - Of `patronictl list` only states are told: who is on it, the member keys tell, and who leads, the leader key.
//! - Of replication, who begins and ends to stream. When a PostgreSQL falls silent that is told, and not also that
//!   nobody streams from it.
//! - Of Patroni's log only tracebacks, the same one of the same node at most once in [`REPEAT`].
//!
//! Events are taken by the boot clock, whatever their order in the file.

mod sights;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Applied, Event, Kind, Reverted, Transition, View, What, Zero, ZeroFrom,
    primaries::Writable,
    traceback,
    words::{closed_in_words, rule_in_words},
    writes::Pace,
    zero::{hits, in_order, zero},
};
use crate::clock::BootInstant;

/// A probe's change that is taken back within this time is no change.
pub const FLAP: Duration = Duration::from_secs(1);

/// The same traceback of the same node is told again after this time only.
pub const REPEAT: Duration = Duration::from_secs(10);

/// Every change that matters, by time.
pub fn transitions(events: &[Event]) -> Vec<Transition> {
    let Some(zero) = zero(events) else { return Vec::new() };
    let mut follower = Follower::from(zero);
    for event in in_order(events) {
        follower.take(event);
    }
    follower.transitions.sort_by_key(|transition| transition.at);
    follower.transitions
}

/// Finds transitions event by event, for who watches for hours: what was handed out is forgotten.
///
/// All events together give what [`transitions`] does. Events must come nearly in order.
#[derive(Clone, Debug)]
pub struct Follower {
    zero: Zero,
    /// Those that were not handed out yet, in the order of being found.
    transitions: Vec<Transition>,
    view: View,
    /// Who held the leader key when it was last lost.
    lost_leader: Option<String>,
    /// The highest WAL timeline of a primary.
    timeline: Option<u32>,
    /// Cuts, by id and node, that have hit.
    hit: BTreeSet<(String, String)>,
    /// When tracebacks were told last, by node and exception.
    tracebacks: BTreeMap<(String, String), BootInstant>,
    pace: Pace,
    /// Whether the outage that goes on was told.
    outage_told: bool,
    writable: Writable,
}

impl From<Zero> for Follower {
    fn from(zero: Zero) -> Self {
        Self {
            zero,
            transitions: Vec::new(),
            view: View::default(),
            lost_leader: None,
            timeline: None,
            hit: BTreeSet::new(),
            tracebacks: BTreeMap::new(),
            pace: Pace::default(),
            outage_told: false,
            writable: Writable::default(),
        }
    }
}

impl Follower {
    /// Begins to follow; transitions count their seconds from `start`.
    pub fn new(start: BootInstant) -> Self {
        Self::from(Zero { at: start, from: ZeroFrom::Start })
    }

    /// Takes an event in.
    pub fn take(&mut self, event: &Event) {
        self.cut(event);
        self.traceback(event);
        self.cluster(event);
        self.writes(event);
        self.primaries(event);
    }

    /// The transitions, by time, that are new and will not be taken back: those that [may](FLAP) be are held back
    /// until they cannot be any more.
    pub fn settled(&mut self, now: BootInstant) -> Vec<Transition> {
        let held = |one: &mut Transition| !one.what.may_flap() || now.since(one.at) > FLAP;
        let mut settled: Vec<_> = self.transitions.extract_if(.., held).collect();
        settled.sort_by_key(|transition| transition.at);
        settled
    }

    /// The cluster as the events so far tell it.
    pub fn view(&self) -> &View {
        &self.view
    }

    fn push(&mut self, at: BootInstant, subject: &str, what: What, from: Option<String>, to: Option<String>) {
        if what.may_flap()
            && let Some(last) = self.transitions.iter().rposition(|other| {
                other.subject == subject && other.what.may_flap() && same_probe(other.what, what)
            })
            && at.since(self.transitions[last].at) <= FLAP
            && (what != What::ListState || self.transitions[last].from == to)
        {
            self.transitions.remove(last);
            return;
        }
        let at_s = self.zero.seconds(at);
        self.transitions.push(Transition { at, at_s, subject: subject.to_owned(), what, from, to });
    }

    fn cut(&mut self, event: &Event) {
        let node = event.node.as_deref().unwrap_or("cluster");
        if event.kind == Kind::Applied
            && let Some(applied) = event.after_as::<Applied>()
        {
            let rules = applied.rules.iter().map(rule_in_words);
            let closed = applied.closed_sockets.map(closed_in_words);
            let rules: Vec<String> = rules.chain(closed).collect();
            self.push(event.boot_ns, node, What::CutInForce, None, Some(rules.join("; ")));
        }
        for hit in hits(event) {
            if self.hit.insert((hit.cut, node.to_owned())) {
                let at = hit.first.unwrap_or(event.boot_ns);
                self.push(at, node, What::CutHit, None, hit.example);
            }
        }
        if event.kind == Kind::Reverted
            && let Some(reverted) = event.after_as::<Reverted>()
        {
            self.push(event.boot_ns, node, What::CutReverted, Some(reverted.cut), Some(reverted.why));
        }
    }

    fn traceback(&mut self, event: &Event) {
        if event.kind != Kind::Log {
            return;
        }
        let Some(found) = event.after_as().and_then(|entry| traceback(&entry)) else { return };
        let (at, node) = (event.boot_ns, event.node.as_deref().unwrap_or("cluster"));
        let key = (node.to_owned(), found.exception.clone());
        self.tracebacks.retain(|_, last| at.since(*last) < REPEAT);
        if self.tracebacks.contains_key(&key) {
            return;
        }
        self.tracebacks.insert(key, at);
        let what = if found.benign { What::BenignTraceback } else { What::Traceback };
        self.push(at, node, what, None, Some(found.exception));
    }

    fn cluster(&mut self, event: &Event) {
        // Most events are writes, which no view has.
        if !View::holds(event.kind) {
            return;
        }
        let mut view = std::mem::take(&mut self.view);
        let before = view.clone();
        view.take(event);
        self.changed(event, &before, &view);
        self.view = view;
    }

    fn writes(&mut self, event: &Event) {
        let ended = self.pace.take(event);
        if let Some(outage) = ended.or_else(|| self.pace.outage())
            && !self.outage_told
        {
            self.outage_told = true;
            self.push(outage.begin, "clients", What::WritesStopped, None, None);
        }
        if let Some((outage, end)) = ended.and_then(|outage| Some((outage, outage.end?))) {
            self.outage_told = false;
            let paused = format!("none for {:.1} s", outage.length().as_secs_f64());
            self.push(end, "clients", What::WritesBack, Some(paused), None);
        }
    }

    fn primaries(&mut self, event: &Event) {
        let known = self.writable.together.as_ref().map(|window| window.begin);
        if let Some(window) = self.writable.take(event)
            && let Some(end) = window.end
        {
            let lasted = format!("{:.1} s", end.since(window.begin).as_secs_f64());
            self.push(end, "cluster", What::TwoPrimariesEnd, Some(window.nodes.join(" and ")), Some(lasted));
        }
        if let Some(window) = &self.writable.together
            && known != Some(window.begin)
        {
            let (begin, nodes) = (window.begin, Some(window.nodes.join(" and ")));
            self.push(begin, "cluster", What::TwoPrimariesBegin, None, nodes);
        }
    }
}

/// Whether two kinds of change come from the same probe.
fn same_probe(one: What, other: What) -> bool {
    let probe = |what: What| match what {
        What::RestAnswers | What::RestSilent => 0,
        What::PortAccepts | What::PortFails => 1,
        What::ListState => 2,
        _ => 3,
    };
    probe(one) == probe(other)
}
