//! Events → the numbers of a run.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Applied, ClientWrite, ClientsMet, Event, Inside, Kind, RowsFound, StepMark, Transition, View, What,
    WriteOutcome, Zero, ZeroFrom, clients_met, outages, transitions, two_primaries,
    zero::{in_order, zero},
};
use crate::clock::BootInstant;

/// The numbers of a run. Seconds count from [`Self::zero`]; what did not happen, or could not be seen, is `null`.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Metrics {
    /// What the seconds count from: the first packet hit, where there was one.
    pub zero: Option<ZeroFrom>,
    /// The first [reaction](What::is_reaction) of the cluster.
    pub detection_s: Option<f64>,
    /// The leader key was gone, or somebody else's.
    pub leader_lost_s: Option<f64>,
    /// Another node than before held the leader key.
    pub new_leader_s: Option<f64>,
    /// No write was acknowledged from here on, for at least 2 seconds.
    pub writes_stopped_s: Option<f64>,
    /// The first write acknowledged after that.
    pub writes_back_s: Option<f64>,
    /// A node that was cut or that an action was done to no longer [took part](View::takes_part).
    #[serde(default)]
    pub member_lost_s: Option<f64>,
    /// Every node that was cut or that an action was done to [takes part](View::takes_part) again, after the last
    /// revert or action.
    pub member_back_s: Option<f64>,
    /// The same, counted from the last revert or action.
    pub member_back_after_revert_s: Option<f64>,
    /// The longest time without an acknowledged write, as far as it was seen.
    pub write_outage_longest_s: Option<f64>,
    /// Writes that the client knows to be committed; `null` where no client wrote.
    pub writes_acknowledged: Option<u64>,
    /// Writes that surely did not happen.
    pub writes_failed: Option<u64>,
    /// Writes whose fate the client does not know.
    pub writes_unknown: Option<u64>,
    /// Acknowledged, and not in the table after the run; `null` where it was not read back.
    pub writes_lost: Option<u64>,
    /// In the table more than once.
    pub writes_duplicated: Option<u64>,
    /// In the table, and never acknowledged.
    pub writes_unacknowledged: Option<u64>,
    /// What clients met at the nodes that were cut or that an action was done to.
    #[serde(default)]
    pub clients: ClientsMet,
    /// A standby no longer streamed, by its primary's word or by its own in `patronictl list`.
    #[serde(default)]
    pub streaming_lost_s: Option<f64>,
    /// How long two nodes were writable, all windows together.
    pub two_writable_primaries_s: Option<f64>,
    /// The windows; empty where there was none, `null` where no PostgreSQL was seen from inside.
    pub two_writable_primaries: Option<Vec<TwoWritable>>,
    /// The primary's WAL timeline at the zero.
    pub timeline_before: Option<u32>,
    /// The highest WAL timeline of a primary at the end.
    pub timeline_after: Option<u32>,
}

/// A time in which two nodes or more would have accepted writes.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct TwoWritable {
    /// The nodes.
    pub nodes: Vec<String>,
    /// When it began.
    pub from_s: f64,
    /// When it ended, or the last event of the run.
    pub to_s: f64,
    /// It had not ended when the run did.
    pub open: bool,
}

/// The numbers of a run.
pub fn metrics(events: &[Event]) -> Metrics {
    let Some(zero) = zero(events) else { return Metrics::default() };
    let ordered = in_order(events);
    let transitions = transitions(events);
    let first = |wanted: &dyn Fn(&Transition) -> bool| {
        transitions
            .iter()
            .find(|transition| transition.at >= zero.at && wanted(transition))
            .map(|found| found.at_s)
    };
    let old_leader = View::after(before(&ordered, zero.at)).holder().map(str::to_owned);
    let new_leader = |transition: &Transition| {
        matches!(transition.what, What::LeaderElected | What::LeaderMoved)
            && transition.to.is_some()
            && transition.to != old_leader
    };
    let touched = touched(&ordered);
    let mut metrics = Metrics {
        zero: Some(zero.from),
        detection_s: first(&|transition| transition.what.is_reaction()),
        leader_lost_s: first(&|transition| matches!(transition.what, What::LeaderLost | What::LeaderMoved)),
        new_leader_s: first(&new_leader),
        streaming_lost_s: first(&|transition| stream_lost(transition, &touched)),
        timeline_before: timeline(before(&ordered, zero.at)),
        timeline_after: timeline(ordered.iter().copied()),
        ..Metrics::default()
    };
    metrics.take_writes(&ordered, zero);
    metrics.take_primaries(&ordered, zero);
    metrics.clients = clients_met(&ordered, zero, &touched);
    metrics.member_lost_s = member_lost(&ordered, zero).map(|lost| zero.seconds(lost));
    if let Some((revert, back)) = member_back(&ordered) {
        metrics.member_back_s = Some(zero.seconds(back));
        metrics.member_back_after_revert_s = Some(Zero { at: revert, ..zero }.seconds(back));
    }
    metrics
}

impl Metrics {
    fn take_writes(&mut self, ordered: &[&Event], zero: Zero) {
        let outages: Vec<_> =
            outages(ordered).into_iter().filter(|outage| outage.seen_until > zero.at).collect();
        if let Some(outage) = outages.first() {
            self.writes_stopped_s = Some(zero.seconds(outage.begin));
            self.writes_back_s = outage.end.map(|end| zero.seconds(end));
        }
        let longest = outages.iter().max_by_key(|outage| outage.length());
        self.write_outage_longest_s =
            longest.map(|outage| Zero { at: outage.begin, ..zero }.seconds(outage.seen_until));
        for write in payloads::<ClientWrite>(ordered, Kind::Write) {
            let acknowledged = self.writes_acknowledged.get_or_insert(0);
            let failed = self.writes_failed.get_or_insert(0);
            let unknown = self.writes_unknown.get_or_insert(0);
            match write.outcome {
                WriteOutcome::Acknowledged => *acknowledged += 1,
                WriteOutcome::Failed => *failed += 1,
                WriteOutcome::Unknown => *unknown += 1,
            }
        }
        if let Some(rows) = payloads::<RowsFound>(ordered, Kind::RowsFound).last() {
            self.writes_lost = Some(rows.lost.len() as u64);
            self.writes_duplicated = Some(rows.duplicated.len() as u64);
            self.writes_unacknowledged = Some(rows.unacknowledged.len() as u64);
        }
    }

    fn take_primaries(&mut self, ordered: &[&Event], zero: Zero) {
        let windows = two_primaries(ordered).map(|windows| {
            windows.into_iter().map(|window| TwoWritable {
                from_s: zero.seconds(window.begin),
                to_s: zero.seconds(window.seen_until),
                open: window.end.is_none(),
                nodes: window.nodes,
            })
        });
        self.two_writable_primaries = windows.map(Iterator::collect);
        self.two_writable_primaries_s = self
            .two_writable_primaries
            .as_ref()
            .filter(|windows| !windows.is_empty())
            .map(|windows| windows.iter().map(|window| window.to_s - window.from_s).sum())
            .map(|seconds: f64| (seconds * 1e3).round() / 1e3);
    }
}

/// A primary may hold a stream for alive whose standby has long lost it, and the other way round. What a node says that was
/// cut itself is of no account: its Patroni may be unable to ask.
fn stream_lost(transition: &Transition, touched: &BTreeSet<String>) -> bool {
    let streamed =
        || transition.from.as_deref() == Some("streaming") && !touched.contains(&transition.subject);
    transition.what == What::StreamingEnds || transition.what == What::ListState && streamed()
}

/// When the first node that was cut or acted on no longer took part, from the zero on.
fn member_lost(ordered: &[&Event], zero: Zero) -> Option<BootInstant> {
    let nodes = touched(ordered);
    let mut view = View::default();
    ordered.iter().find_map(|event| {
        view.take(event);
        let lost = event.boot_ns >= zero.at && nodes.iter().any(|node| !view.takes_part(node));
        lost.then_some(event.boot_ns)
    })
}

/// The last revert or action on a node, and when every node that was cut or acted on took part again after it.
/// `None` where none of these nodes ever stopped taking part, or some never came back.
///
/// An action begins anew: what counts is that a node was away since the last one began, or at that moment.
///
/// `events` must be in order.
pub(crate) fn member_back(ordered: &[&Event]) -> Option<(BootInstant, BootInstant)> {
    let cuts: Vec<_> = cuts(ordered).collect();
    let actions: Vec<_> = actions(ordered).collect();
    let nodes = touched(ordered);
    let starts = actions.iter().map(|(_, began, _)| *began);
    let first = cuts.first().map(|event| event.boot_ns).into_iter().chain(starts.clone()).min()?;
    let revert = ordered.iter().rfind(|event| event.kind == Kind::Reverted).map(|event| event.boot_ns);
    // A cut that is still in force is no end of anything.
    if revert.is_none() && !cuts.is_empty() {
        return None;
    }
    let last = revert.into_iter().chain(actions.iter().map(|(_, _, end)| *end)).max()?;
    let mut anew = starts.max();
    let mut view = View::default();
    let mut was_away = false;
    for event in ordered {
        if anew.take_if(|began| event.boot_ns >= *began).is_some() {
            was_away = nodes.iter().any(|node| !view.takes_part(node));
        }
        view.take(event);
        let present = nodes.iter().all(|node| view.takes_part(node));
        was_away |= event.boot_ns >= first && !present;
        if event.boot_ns >= last && present && was_away {
            return Some((last, event.boot_ns));
        }
    }
    None
}

/// Where cuts came into force.
fn cuts<'event>(ordered: &[&'event Event]) -> impl Iterator<Item = &'event Event> {
    let applied = ordered.iter().copied().filter(|event| event.kind == Kind::Applied);
    applied.filter(|event| event.after_as::<Applied>().is_some())
}

/// Actions on nodes: the node, when it began, when it ended.
fn actions(ordered: &[&Event]) -> impl Iterator<Item = (String, BootInstant, BootInstant)> {
    ordered
        .iter()
        .filter(|event| event.kind == Kind::Step)
        .filter_map(|event| Some((event.after_as::<StepMark>()?.action?, event.boot_ns)))
        .filter_map(|(action, end)| Some((action.node?, action.began, end)))
}

/// The nodes that were cut or that an action was done to.
fn touched(ordered: &[&Event]) -> BTreeSet<String> {
    let cut = cuts(ordered).filter_map(|event| event.node.clone());
    cut.chain(actions(ordered).map(|(node, ..)| node)).collect()
}

/// The highest WAL timeline that a primary told.
fn timeline<'event>(events: impl Iterator<Item = &'event Event>) -> Option<u32> {
    events
        .filter(|event| event.kind == Kind::Inside)
        .filter_map(Event::after_as::<Inside>)
        .filter(|inside| !inside.in_recovery)
        .map(|inside| inside.timeline)
        .max()
}

/// The events before `at`, of those in order.
pub(crate) fn before<'event>(
    ordered: &[&'event Event],
    at: BootInstant,
) -> impl Iterator<Item = &'event Event> {
    ordered.iter().copied().take_while(move |event| event.boot_ns < at)
}

fn payloads<T: DeserializeOwned>(ordered: &[&Event], kind: Kind) -> impl Iterator<Item = T> {
    ordered.iter().filter(move |event| event.kind == kind).filter_map(|event| event.after_as())
}
