//! What a node was: to the DCS, to a load balancer, to a client, to itself, and to `HAProxy`.

use super::{Lane, Record, State, track::Track};
use crate::record::{
    Inside, Kind, OpenSession, PortState, RestState, View, inside_in_words, port_in_words, rest_in_words,
    session_in_words,
};

pub(super) const ROLE: &str = "Role in etcd";
pub(super) const REST: &str = "REST API";
pub(super) const PORT: &str = "PostgreSQL, outside";
pub(crate) const SESSION: &str = "Open session";
pub(super) const INSIDE: &str = "PostgreSQL, inside";
pub(super) const HAPROXY: &str = "HAProxy sends";

/// Its lanes; what nobody watched has none.
pub(super) fn lanes(record: &Record<'_>, node: &str) -> Vec<Lane> {
    let mut view = View::default();
    let track = |name| Track::new(node, name);
    let (mut role, mut rest, mut port) = (track(ROLE), track(REST), track(PORT));
    let (mut session, mut inside, mut haproxy) = (track(SESSION), track(INSIDE), track(HAPROXY));
    for event in record.events {
        view.take(event);
        let here = event.node.as_deref() == Some(node);
        match event.kind {
            Kind::LeaderKey => {
                if let Some((state, words)) = role_of(&view, node) {
                    role.see(record, event, state, words);
                }
            }
            Kind::MemberKey if here => {
                if let Some((state, words)) = role_of(&view, node) {
                    role.see(record, event, state, words);
                }
            }
            Kind::Rest if here => {
                if let Some(state) = view.rest.get(node) {
                    rest.see(record, event, rest_state(state), rest_in_words(state));
                }
            }
            Kind::Port if here => {
                if let Some(state) = view.ports.get(node) {
                    port.see(record, event, port_state(state), port_in_words(state));
                }
            }
            Kind::OpenSession if here => {
                if let Some(state) = event.after_as() {
                    let since = match state {
                        OpenSession::Hangs { since } => record.zero.seconds(since),
                        _ => record.at(event),
                    };
                    session.see_since(since, event, session_state(&state), session_in_words(&state));
                }
            }
            Kind::Inside if here => {
                if let Some(seen) = view.inside.get(node) {
                    let words = inside_in_words(seen.as_ref());
                    inside.see(record, event, inside_state(seen.as_ref()), words.to_owned());
                }
            }
            Kind::Server if here => {
                let (state, words) = sent_by_haproxy(&view, node);
                haproxy.see(record, event, state, words);
            }
            _ => {}
        }
    }
    [role, rest, port, session, inside, haproxy].into_iter().filter_map(|track| track.lane(record)).collect()
}

/// What etcd says of the node: nothing, until its own key or the leader's was seen.
fn role_of(view: &View, node: &str) -> Option<(State, String)> {
    let leads = view.holder() == Some(node);
    match (view.members.get(node), leads) {
        (Some(None), true) => Some((State::Lead, "leader, no member key".to_owned())),
        (Some(None), false) => Some((State::Gone, "no member key".to_owned())),
        (_, true) => Some((State::Lead, "leader".to_owned())),
        (Some(Some(key)), false) if key.role == "primary" => {
            Some((State::Odd, "primary, without the leader key".to_owned()))
        }
        (Some(Some(key)), false) if key.state == "running" => Some((State::Well, key.role.clone())),
        (Some(Some(key)), false) => Some((State::Odd, format!("{}, {}", key.role, key.state))),
        (None, false) => None,
    }
}

fn rest_state(state: &RestState) -> State {
    match state {
        RestState::Answers { status: 200, role, .. } if role == "primary" => State::Lead,
        RestState::Answers { status: 200, .. } => State::Well,
        RestState::Answers { .. } => State::Odd,
        RestState::Silent(_) => State::Bad,
    }
}

fn port_state(state: &PortState) -> State {
    match state {
        PortState::Accepts => State::Well,
        PortState::Answers(_) => State::Odd,
        _ => State::Bad,
    }
}

fn session_state(state: &OpenSession) -> State {
    match state {
        OpenSession::Answers => State::Well,
        OpenSession::Hangs { .. } => State::Bad,
        OpenSession::Ended(_) => State::Gone,
    }
}

fn inside_state(inside: Option<&Inside>) -> State {
    match inside {
        None => State::Bad,
        Some(inside) if inside.writable() => State::Lead,
        Some(_) => State::Well,
    }
}

/// What `HAProxy` sends the node, by the proxies that have it UP.
fn sent_by_haproxy(view: &View, node: &str) -> (State, String) {
    let up = view.servers.iter().filter(|((name, _), server)| name == node && server.is_up());
    let up: Vec<&str> = up.map(|((_, proxy), _)| proxy.as_str()).collect();
    match up.as_slice() {
        [] => (State::Bad, "nobody: DOWN".to_owned()),
        some if some.contains(&"primary") => (State::Lead, format!("{} UP", some.join(", "))),
        some => (State::Well, format!("{} UP", some.join(", "))),
    }
}
