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

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Applied, ClusterView, Event, Inside, Kind, PortState, RestState, Reverted, Streaming, Transition, View,
    What, Zero, ZeroFrom,
    primaries::Writable,
    traceback,
    words::{closed_in_words, inside_in_words, port_in_words, rest_in_words, rule_in_words},
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

    fn changed(&mut self, event: &Event, before: &View, view: &View) {
        let at = event.boot_ns;
        let node = event.node.as_deref().unwrap_or_default();
        match event.kind {
            Kind::LeaderKey => self.leader(at, before, view),
            Kind::EtcdReachable => match (before.etcd, view.etcd) {
                (Some(true), Some(false)) => self.push(at, "etcd", What::EtcdUnreachable, None, text(event)),
                (Some(false), Some(true)) => self.push(at, "etcd", What::EtcdReachable, None, None),
                _ => {}
            },
            Kind::MemberKey => match (before.members.get(node), view.members.get(node)) {
                (Some(Some(key)), Some(None)) => {
                    self.push(at, node, What::MemberLost, Some(key.role.clone()), None);
                }
                (Some(None), Some(Some(key))) => {
                    self.push(at, node, What::MemberBack, None, Some(key.role.clone()));
                }
                _ => {}
            },
            Kind::List => self.list(at, before.list.as_ref(), view.list.as_ref()),
            Kind::Replication => {
                self.replication(at, node, before.replication.get(node), view.replication.get(node));
            }
            Kind::Rest => self.rest(at, node, before.rest.get(node), view.rest.get(node)),
            Kind::Port => self.port(at, node, before.ports.get(node), view.ports.get(node)),
            Kind::Server => {
                for ((_, proxy), server) in view.servers.iter().filter(|((name, _), _)| name == node) {
                    let key = (node.to_owned(), proxy.clone());
                    let Some(was) = before.servers.get(&key) else { continue };
                    let what = match (was.is_up(), server.is_up()) {
                        (true, false) => What::ServerDown,
                        (false, true) => What::ServerUp,
                        _ => continue,
                    };
                    let to = Some(format!("{proxy} {} ({})", server.status, server.check));
                    self.push(at, node, what, Some(format!("{proxy} {}", was.status)), to);
                }
            }
            Kind::Inside => {
                self.inside(at, node, before.inside.get(node), view.inside.get(node));
                self.timeline(at, node, before.inside.get(node), view.inside.get(node));
            }
            _ => {}
        }
    }

    fn leader(&mut self, at: BootInstant, before: &View, after: &View) {
        let (Some(was), Some(is)) = (&before.leader, &after.leader) else { return };
        let what = match (was, is) {
            (Some(_), None) => What::LeaderLost,
            (Some(was), Some(is)) if was != is => What::LeaderMoved,
            (None, Some(_)) => What::LeaderElected,
            _ => return,
        };
        // Across a time without a leader, the last one is the one that lost it.
        let from = was.clone().or_else(|| self.lost_leader.clone());
        if what == What::LeaderLost {
            self.lost_leader.clone_from(was);
        }
        self.push(at, "cluster", what, from, is.clone());
    }

    fn list(&mut self, at: BootInstant, before: Option<&ClusterView>, after: Option<&ClusterView>) {
        let (Some(before), Some(after)) = (before, after) else { return };
        for (node, member) in &after.members {
            let Some(was) = before.members.get(node).filter(|was| was.state != member.state) else {
                continue;
            };
            // Who is promoted is `running` from then on, and nothing is wrong with it.
            let promoted = was.role != member.role && member.role == "leader" && member.state == "running";
            if !promoted {
                self.push(at, node, What::ListState, Some(was.state.clone()), Some(member.state.clone()));
            }
        }
        match (before.paused, after.paused) {
            (false, true) => self.push(at, "cluster", What::MaintenanceBegins, None, None),
            (true, false) => self.push(at, "cluster", What::MaintenanceEnds, None, None),
            _ => {}
        }
    }

    fn replication(
        &mut self,
        at: BootInstant,
        node: &str,
        before: Option<&Streams>,
        after: Option<&Streams>,
    ) {
        let (Some(before), Some(Some(after))) = (before, after) else { return };
        let streams = |standbys: &BTreeMap<String, Streaming>| -> BTreeSet<String> {
            let streaming = standbys.iter().filter(|(_, standby)| standby.state == "streaming");
            streaming.map(|(name, _)| name.clone()).collect()
        };
        let (before, after) = (before.as_ref().map(streams).unwrap_or_default(), streams(after));
        for standby in before.difference(&after) {
            self.push(at, standby, What::StreamingEnds, Some(node.to_owned()), None);
        }
        for standby in after.difference(&before) {
            self.push(at, standby, What::StreamingBegins, None, Some(node.to_owned()));
        }
    }

    fn rest(&mut self, at: BootInstant, node: &str, before: Option<&RestState>, after: Option<&RestState>) {
        let (Some(before), Some(after)) = (before, after) else { return };
        let (from, to) = (Some(rest_in_words(before)), Some(rest_in_words(after)));
        match (before, after) {
            (RestState::Answers { .. }, RestState::Silent(_)) => {
                self.push(at, node, What::RestSilent, from, to);
            }
            (RestState::Silent(_), RestState::Answers { .. }) => {
                self.push(at, node, What::RestAnswers, from, to);
            }
            (
                RestState::Answers { role: was, status: old, .. },
                RestState::Answers { role, status: new, .. },
            ) => {
                if old != new {
                    self.push(at, node, What::RestStatus, Some(old.to_string()), Some(new.to_string()));
                }
                if was != role {
                    self.push(at, node, What::RestRole, Some(was.clone()), Some(role.clone()));
                }
            }
            (RestState::Silent(_), RestState::Silent(_)) => {}
        }
    }

    fn port(&mut self, at: BootInstant, node: &str, before: Option<&PortState>, after: Option<&PortState>) {
        let (Some(before), Some(after)) = (before, after) else { return };
        let what = match (before == &PortState::Accepts, after == &PortState::Accepts) {
            (true, false) => What::PortFails,
            (false, true) => What::PortAccepts,
            _ => return,
        };
        self.push(at, node, what, Some(port_in_words(before)), Some(port_in_words(after)));
    }

    fn inside(
        &mut self,
        at: BootInstant,
        node: &str,
        before: Option<&Option<Inside>>,
        after: Option<&Option<Inside>>,
    ) {
        let (Some(before), Some(after)) = (before, after) else { return };
        let (from, to) = (inside_in_words(before.as_ref()), inside_in_words(after.as_ref()));
        if from == to {
            return;
        }
        let what = match after {
            None => What::PostgresStopped,
            Some(inside) if inside.writable() => What::PostgresWritable,
            Some(_) => What::PostgresReadOnly,
        };
        self.push(at, node, what, Some(from.to_owned()), Some(to.to_owned()));
    }

    fn timeline(
        &mut self,
        at: BootInstant,
        node: &str,
        before: Option<&Option<Inside>>,
        after: Option<&Option<Inside>>,
    ) {
        let Some(Some(inside)) = after else { return };
        if inside.in_recovery || self.timeline.is_some_and(|known| inside.timeline <= known) {
            return;
        }
        // At the first sight of a node its timeline is old news.
        if let (Some(known), Some(_)) = (self.timeline.replace(inside.timeline), before) {
            let (from, to) = (known.to_string(), inside.timeline.to_string());
            self.push(at, node, What::TimelineGrew, Some(from), Some(to));
        }
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

/// Who streams from a node; `None` when its PostgreSQL does not answer.
type Streams = Option<BTreeMap<String, Streaming>>;

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

fn text(event: &Event) -> Option<String> {
    event.after.as_str().map(str::to_owned)
}
