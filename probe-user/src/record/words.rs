//! States in a few words, the same in every report.

use super::{Inside, OpenSession, PortState, RestState};
use crate::policy::{Direction, Flows, PlannedRule, Protocol};

/// A rule in a line, such as `drop tcp to 5432, lo too`.
pub(crate) fn rule_in_words(rule: &PlannedRule) -> String {
    let protocol = match rule.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Any => "everything",
    };
    let direction = match rule.direction {
        Direction::In => "to",
        Direction::Out => "from",
        Direction::Both => "to and from",
    };
    let ports = if rule.ports.is_empty() { "every port".to_owned() } else { list(&rule.ports) };
    let mut words = format!("{} {protocol} {direction} {ports}", rule.action);
    if !rule.peer_ports.is_empty() {
        words.extend([", peer ports ", &list(&rule.peer_ports)]);
    }
    if !rule.peers.is_empty() {
        words.extend([", peers ", &list(&rule.peers)]);
    }
    match rule.flows {
        Flows::All => {}
        Flows::New => words += ", new connections",
        Flows::Established => words += ", open connections",
    }
    words += &rule.narrowing.to_string();
    if let Some(delay) = rule.delay {
        words.extend([",", &delay.to_string()]);
    }
    if rule.loopback {
        words += ", lo too";
    }
    words
}

/// How many sockets a cut closed, in words.
pub(crate) fn closed_in_words(sockets: u64) -> String {
    match sockets {
        0 => "no open socket to close".to_owned(),
        1 => "1 socket closed".to_owned(),
        many => format!("{many} sockets closed"),
    }
}

/// What a REST API answers, in words.
pub(crate) fn rest_in_words(state: &RestState) -> String {
    match state {
        RestState::Answers { status, role, state, .. } => format!("{status} {role} {state}"),
        RestState::Silent(port) => port_in_words(port),
    }
}

/// What a client meets at a port, in words.
pub(crate) fn port_in_words(state: &PortState) -> String {
    match state {
        PortState::Accepts => "accepts".to_owned(),
        PortState::Refused => "refused".to_owned(),
        PortState::Reset => "reset".to_owned(),
        PortState::TimesOut => "times out".to_owned(),
        PortState::Unreachable => "unreachable".to_owned(),
        PortState::Answers(words) => format!("answers: {words}"),
    }
}

/// How a session that is kept open fares, in words.
pub(crate) fn session_in_words(state: &OpenSession) -> String {
    match state {
        OpenSession::Answers => "answers".to_owned(),
        OpenSession::Hangs { .. } => "hangs: neither an answer nor an end".to_owned(),
        OpenSession::Ended(why) => format!("no session: {}", port_in_words(why)),
    }
}

/// What PostgreSQL says of itself, in words.
pub(crate) fn inside_in_words(inside: Option<&Inside>) -> &'static str {
    match inside {
        None => "stopped",
        Some(inside) if inside.writable() => "writable",
        Some(_) => "read-only",
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Action, Delay, Narrowing, narrow::Probability};

    #[test]
    fn a_rule_says_how_much_of_what() {
        let late = PlannedRule {
            action: Action::Delay,
            delay: Some(Delay { time_ns: 40_000_000, jitter_ns: 10_000_000, reorder: false }),
            narrowing: Narrowing { probability: Probability::new(0.3), ..Narrowing::default() },
            loopback: false,
            ..PlannedRule::sample()
        };
        assert_eq!(rule_in_words(&PlannedRule::sample()), "drop tcp to 5432, lo too");
        assert_eq!(
            rule_in_words(&late),
            "delay tcp to 5432, with probability 0.3, by 40ms, 10ms more or less"
        );
    }
}
