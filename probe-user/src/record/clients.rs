//! What clients of the nodes that were cut met, and for how long.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Kind, OpenSession, PortState, RestState, Zero};
use crate::clock::BootInstant;

/// What clients met from the run's zero on, in seconds, all nodes together that were cut or that an action was done to.
///
/// A new connection or request is tried about once a second and given up after one, so each of these is good to a second
/// or so for each time that what they met changed. What was not watched is `null`.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct ClientsMet {
    /// New connections to PostgreSQL timed out for so long.
    pub postgres_timeouts_s: Option<f64>,
    /// They were refused, by a port without a listener or by ICMP.
    pub postgres_refusals_s: Option<f64>,
    /// They were reset.
    pub postgres_resets_s: Option<f64>,
    /// Requests to Patroni's REST API timed out for so long.
    pub rest_timeouts_s: Option<f64>,
    /// They were refused.
    pub rest_refusals_s: Option<f64>,
    /// They were reset.
    pub rest_resets_s: Option<f64>,
    /// The longest time that a session which was open before got neither an answer nor an end; zero where it always got
    /// one within a second. No longer than the run.
    pub session_hung_s: Option<f64>,
    /// How often a session that was open ended without its client asking for it.
    pub sessions_ended: Option<u64>,
}

/// What clients of these nodes met. `ordered` are the run's events in order.
pub(crate) fn clients_met(ordered: &[&Event], zero: Zero, nodes: &BTreeSet<String>) -> ClientsMet {
    let Some(last) = ordered.last().map(|event| event.boot_ns) else { return ClientsMet::default() };
    let of_nodes =
        || ordered.iter().filter(|event| event.node.as_ref().is_some_and(|node| nodes.contains(node)));
    let ports = of_nodes().filter(|event| event.kind == Kind::Port);
    let ports =
        Spans::of(ports.filter_map(|event| Some((*event, event.after_as::<PortState>()?))), zero, last);
    let rests = of_nodes().filter(|event| event.kind == Kind::Rest).filter_map(|event| {
        Some((
            *event,
            match event.after_as::<RestState>()? {
                RestState::Silent(met) => met,
                RestState::Answers { .. } => PortState::Accepts,
            },
        ))
    });
    let rests = Spans::of(rests, zero, last);
    let sessions: Vec<_> = of_nodes()
        .filter(|event| event.kind == Kind::OpenSession)
        .filter_map(|event| Some((*event, event.after_as::<OpenSession>()?)))
        .collect();
    ClientsMet {
        postgres_timeouts_s: ports.seconds(&PortState::TimesOut),
        postgres_refusals_s: ports.seconds(&PortState::Refused),
        postgres_resets_s: ports.seconds(&PortState::Reset),
        rest_timeouts_s: rests.seconds(&PortState::TimesOut),
        rest_refusals_s: rests.seconds(&PortState::Refused),
        rest_resets_s: rests.seconds(&PortState::Reset),
        session_hung_s: hung_s(&sessions, zero, last),
        sessions_ended: (!sessions.is_empty()).then(|| ended(&sessions, zero)),
    }
}

/// How long something was in which state.
struct Spans(Vec<(PortState, f64)>);

impl Spans {
    fn of<'event>(
        states: impl Iterator<Item = (&'event Event, PortState)>,
        zero: Zero,
        last: BootInstant,
    ) -> Self {
        let mut now: BTreeMap<Option<&str>, (BootInstant, PortState)> = BTreeMap::new();
        let mut spans = Vec::new();
        let mut over = |(since, state): (BootInstant, PortState), until: BootInstant| {
            spans.push((state, until.seconds_after(since.max(zero.at)).max(0.0)));
        };
        for (event, state) in states {
            if let Some(before) = now.insert(event.node.as_deref(), (event.boot_ns, state)) {
                over(before, event.boot_ns);
            }
        }
        for open in now.into_values() {
            over(open, last);
        }
        Self(spans)
    }

    fn seconds(&self, wanted: &PortState) -> Option<f64> {
        let of_it = self.0.iter().filter(|(state, _)| state == wanted);
        (!self.0.is_empty()).then(|| milliseconds(of_it.fold(0.0, |sum, (_, seconds)| sum + seconds)))
    }
}

fn hung_s(sessions: &[(&Event, OpenSession)], zero: Zero, last: BootInstant) -> Option<f64> {
    let hangs = sessions.iter().enumerate().filter_map(|(index, (event, state))| {
        let OpenSession::Hangs { since } = state else { return None };
        let next = sessions[index + 1..].iter().find(|(later, _)| later.node == event.node);
        let end = next.map_or(last, |(next, _)| next.boot_ns);
        (end > zero.at).then(|| milliseconds(end.seconds_after(*since)))
    });
    (!sessions.is_empty()).then(|| hangs.fold(0.0, f64::max))
}

/// From a session that was there to an end; what follows tells only that no new one can be opened.
fn ended(sessions: &[(&Event, OpenSession)], zero: Zero) -> u64 {
    let mut open: BTreeMap<Option<&str>, bool> = BTreeMap::new();
    let mut ended = 0;
    for (event, state) in sessions {
        let ends = matches!(state, OpenSession::Ended(_));
        let was_open = open.insert(event.node.as_deref(), !ends);
        ended += u64::from(ends && was_open == Some(true) && event.boot_ns >= zero.at);
    }
    ended
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::record::{
        Source, metrics,
        story::{Story, boot},
    };

    fn session(story: Story, at: f64, node: &str, state: Value) -> Story {
        story.tell(at, node, Source::Postgres, Kind::OpenSession, state)
    }

    #[test]
    fn what_clients_of_a_dropped_port_meet() {
        let story = Story::healthy().applied(0.0, "pg1").hit(0.5, "pg1", 0.2, 1);
        let story = session(story, -1.0, "pg1", json!("answers"));
        let story = session(story, 1.4, "pg1", json!({"hangs": {"since": boot(0.4)}}))
            .port(1.2, "pg1", "times-out")
            .port(2.0, "pg2", "refused")
            .silent(3.2, "pg1")
            .port(40.2, "pg1", "accepts")
            .reverted(40.2, "pg1")
            .over(50.4, 1, None);
        let met = metrics(&story.events).clients;
        assert_eq!(met.postgres_timeouts_s, Some(39.0));
        assert_eq!(
            (met.postgres_refusals_s, met.postgres_resets_s),
            (Some(0.0), Some(0.0)),
            "pg2 was not cut"
        );
        assert_eq!(met.rest_timeouts_s, Some(47.2), "until the run's end");
        assert_eq!((met.session_hung_s, met.sessions_ended), (Some(50.0), Some(0)));
    }

    #[test]
    fn a_session_that_is_reset_ends_once_and_does_not_hang() {
        let story = session(
            Story::healthy().applied(0.0, "pg1").hit(0.5, "pg1", 0.0, 1),
            -1.0,
            "pg1",
            json!("answers"),
        );
        let story = session(story, 0.3, "pg1", json!({"ended": "reset"}));
        let story = session(story, 1.3, "pg1", json!({"ended": "times-out"}));
        let met = metrics(&session(story, 9.0, "pg1", json!("answers")).events).clients;
        assert_eq!((met.session_hung_s, met.sessions_ended), (Some(0.0), Some(1)));
    }

    #[test]
    fn what_nobody_watched_is_not_known() {
        let met = metrics(&Story::default().applied(0.0, "pg1").reverted(9.0, "pg1").events).clients;
        assert_eq!(met, ClientsMet::default());
    }
}
