//! The timeline: transitions and steps as lines that a person reads.

use super::RunResult;
use crate::record::{Transition, What};

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Seconds on the run's clock.
    pub at_s: f64,
    /// How it is meant.
    pub tone: Tone,
    /// What it is about.
    pub subject: String,
    /// What happened.
    pub text: String,
}

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// What netsplit did to the network.
    Cut,
    /// Something was lost.
    Bad,
    /// Something came back.
    Good,
    /// Something changed.
    Change,
    /// Two nodes accept writes.
    Alarm,
    /// A step of the scenario.
    Step,
}

impl Tone {
    /// Its sign.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Cut => "✂",
            Self::Bad => "▼",
            Self::Good => "▲",
            Self::Change => "◆",
            Self::Alarm => "‼",
            Self::Step => "·",
        }
    }
}

/// The timeline of a run: its transitions, and the steps that no transition tells.
pub fn timeline(result: &RunResult) -> Vec<Line> {
    let mut lines: Vec<Line> = result.transitions.iter().map(line).collect();
    for step in &result.steps {
        let told = step.what.starts_with("apply") || step.what.starts_with("revert");
        if !told {
            let text = step.what.clone();
            lines.push(Line { at_s: step.from_s, tone: Tone::Step, subject: "scenario".to_owned(), text });
        }
        if let Some(outcome) = step.action.as_ref().and_then(|action| action.outcome.clone()) {
            let at_s = step.to_s.unwrap_or(step.from_s);
            lines.push(Line { at_s, tone: Tone::Step, subject: "scenario".to_owned(), text: outcome });
        }
        if let Some(error) = &step.error {
            let at_s = step.to_s.unwrap_or(step.from_s);
            let text = format!("{}: {error}", step.what);
            lines.push(Line { at_s, tone: Tone::Bad, subject: "scenario".to_owned(), text });
        }
    }
    lines.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
    lines
}

/// Seconds with their sign, as timelines have them; what rounds to zero has none.
pub(super) fn signed(at_s: f64) -> String {
    if at_s.abs() < 0.05 { "0.0".to_owned() } else { format!("{at_s:+.1}") }
}

/// A transition as a line.
pub fn line(transition: &Transition) -> Line {
    let from = transition.from.as_deref().unwrap_or_default();
    let to = transition.to.as_deref().unwrap_or_default();
    let (tone, text) = match transition.what {
        What::CutInForce => (Tone::Cut, format!("cut in force: {to}")),
        What::CutHit if to.is_empty() => (Tone::Cut, "first packet hit".to_owned()),
        What::CutHit => (Tone::Cut, format!("first packet hit: {to}")),
        What::CutReverted if to == "revert" => (Tone::Cut, "cut reverted".to_owned()),
        What::CutReverted if to == "lease" => (Tone::Cut, "cut ended by its lease".to_owned()),
        What::CutReverted => (Tone::Cut, format!("cut reverted: {to}")),
        What::LeaderLost => (Tone::Bad, format!("leader key of {from} is gone")),
        What::LeaderElected if from.is_empty() => (Tone::Good, format!("{to} is the leader")),
        What::LeaderElected if from == to => (Tone::Good, format!("{to} is the leader again")),
        What::LeaderElected => (Tone::Good, format!("{to} is the new leader, after {from}")),
        What::LeaderMoved => (Tone::Change, format!("leader key moves from {from} to {to}")),
        What::MemberLost => (Tone::Bad, "member key is gone: off the list".to_owned()),
        What::MemberBack => (Tone::Good, format!("member key is back, as {to}")),
        What::ListState => (Tone::Change, format!("patronictl list: {}, was {}", stated(to), stated(from))),
        What::MaintenanceBegins => (Tone::Change, "maintenance mode begins".to_owned()),
        What::MaintenanceEnds => (Tone::Change, "maintenance mode ends".to_owned()),
        What::StreamingBegins => (Tone::Good, format!("streams from {to}")),
        What::StreamingEnds => (Tone::Bad, format!("streams no longer from {from}")),
        What::Traceback => (Tone::Bad, format!("traceback in Patroni's log: {to}")),
        What::BenignTraceback => (Tone::Change, format!("benign traceback in Patroni's log: {to}")),
        What::RestAnswers => (Tone::Good, format!("REST API answers: {to}")),
        What::RestSilent => (Tone::Bad, format!("REST API: {to}")),
        What::RestRole => (Tone::Change, format!("REST API says {to}, was {from}")),
        What::RestStatus => (Tone::Change, format!("REST API answers {to}, was {from}")),
        What::PortAccepts => (Tone::Good, "PostgreSQL's port serves clients".to_owned()),
        What::PortFails => (Tone::Bad, format!("PostgreSQL's port: {to}")),
        What::ServerUp => (Tone::Good, format!("HAProxy: {to}")),
        What::ServerDown => (Tone::Bad, format!("HAProxy: {to}")),
        What::PostgresWritable => (Tone::Change, format!("PostgreSQL is writable, was {from}")),
        What::PostgresReadOnly => (Tone::Change, format!("PostgreSQL is read-only, was {from}")),
        What::PostgresStopped => (Tone::Bad, format!("PostgreSQL does not answer inside, was {from}")),
        What::TimelineGrew => (Tone::Change, format!("WAL timeline {to}, was {from}")),
        What::WritesStopped => (Tone::Bad, "writes stop".to_owned()),
        What::WritesBack => (Tone::Good, format!("writes are back, {from}")),
        What::TwoPrimariesBegin => (Tone::Alarm, format!("TWO WRITABLE PRIMARIES: {to}")),
        What::TwoPrimariesEnd => (Tone::Good, format!("one primary again, after {to}")),
        What::EtcdUnreachable => (Tone::Bad, to.to_owned()),
        What::EtcdReachable => (Tone::Good, "reachable".to_owned()),
    };
    Line { at_s: transition.at_s, tone, subject: transition.subject.clone(), text }
}

/// A state in the list of members, which may be empty.
fn stated(state: &str) -> &str {
    if state.is_empty() { "no state" } else { state }
}

/// The metrics as rows of a name and a value with its unit; what did not happen is `–`.
pub(super) fn rows(result: &RunResult) -> Vec<(&'static str, String)> {
    let metrics = &result.metrics;
    let seconds = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.1} s"));
    let count = |value: Option<u64>| value.map_or("–".to_owned(), |value| value.to_string());
    let clients = &metrics.clients;
    let postgres = [clients.postgres_timeouts_s, clients.postgres_refusals_s, clients.postgres_resets_s];
    let rest = [clients.rest_timeouts_s, clients.rest_refusals_s, clients.rest_resets_s];
    let timeline = match (metrics.timeline_before, metrics.timeline_after) {
        (Some(before), Some(after)) => format!("{before} → {after}"),
        _ => "–".to_owned(),
    };
    vec![
        ("cluster reacted", seconds(metrics.detection_s)),
        ("leader lost", seconds(metrics.leader_lost_s)),
        ("new leader", seconds(metrics.new_leader_s)),
        ("writes stopped", seconds(metrics.writes_stopped_s)),
        ("first write back", seconds(metrics.writes_back_s)),
        ("longest without writes", seconds(metrics.write_outage_longest_s)),
        ("node out of service", seconds(metrics.member_lost_s)),
        ("node back in service", seconds(metrics.member_back_s)),
        ("node back after revert", seconds(metrics.member_back_after_revert_s)),
        ("a standby's stream broke", seconds(metrics.streaming_lost_s)),
        ("an open session hung", seconds(metrics.clients.session_hung_s)),
        ("open sessions ended", count(metrics.clients.sessions_ended)),
        ("new connections met", met(postgres)),
        ("REST API requests met", met(rest)),
        ("two writable primaries", seconds(metrics.two_writable_primaries_s)),
        ("writes acknowledged", count(metrics.writes_acknowledged)),
        ("write attempts failed", count(metrics.writes_failed)),
        ("writes of unknown fate", count(metrics.writes_unknown)),
        ("acknowledged writes lost", count(metrics.writes_lost)),
        ("writes duplicated", count(metrics.writes_duplicated)),
        ("WAL timeline", timeline),
    ]
}

/// For how long new clients met what, such as `timeouts 38.1 s, resets 0.4 s`.
fn met(seconds: [Option<f64>; 3]) -> String {
    if seconds.iter().all(Option::is_none) {
        return "–".to_owned();
    }
    let named = ["timeouts", "refusals", "resets"].into_iter().zip(seconds);
    let met: Vec<_> = named
        .filter_map(|(what, seconds)| Some((what, seconds.filter(|seconds| *seconds > 0.0)?)))
        .map(|(what, seconds)| format!("{what} {seconds:.1} s"))
        .collect();
    if met.is_empty() { "answers".to_owned() } else { met.join(", ") }
}

/// The sentences of the warning that two nodes accepted writes; empty where they did not.
pub(super) fn warning(result: &RunResult) -> Vec<String> {
    let metrics = &result.metrics;
    let Some(windows) = metrics.two_writable_primaries.as_ref().filter(|windows| !windows.is_empty()) else {
        return Vec::new();
    };
    let mut lines = vec!["TWO NODES WERE WRITABLE AT THE SAME TIME".to_owned()];
    for window in windows {
        let open = if window.open { ", and still when the run ended" } else { "" };
        lines.push(format!(
            "{} for {:.1} s, from {:.1} s to {:.1} s{open}",
            window.nodes.join(" and "),
            window.to_s - window.from_s,
            window.from_s,
            window.to_s
        ));
    }
    lines.push(match metrics.writes_lost {
        Some(0) => "No acknowledged write of the client was lost.".to_owned(),
        Some(1) => "1 acknowledged write of the client was LOST.".to_owned(),
        Some(lost) => format!("{lost} acknowledged writes of the client were LOST."),
        None => "Whether acknowledged writes were lost is unknown: the rows were not read back.".to_owned(),
    });
    lines.push(
        "Whoever still reached the old primary could write what no one will ever read again.".to_owned(),
    );
    lines
}
