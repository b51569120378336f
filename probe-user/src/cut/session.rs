//! The way in: the SSH session that a command came by, which no cut may end unawares; those of others are told.
//!
//! This is all of the controller's path that runs over a network. Namespaces are entered by `setns(2)` and the
//! datapath lies in pinned maps, so that a revert needs no packet, and neither does the kernel's own end of a lease. The
//! observers' connections to PostgreSQL, Patroni and the DCS are no way in: what they no longer reach is what a run is
//! made to see, and to refuse such cuts would refuse nearly every scenario of a lab.

use probe_ebpf::{abi::Way, decode::tcp_flag::ACK};

use super::{
    CutError,
    protect::tables,
    ssh::{Session, other_sessions, own_sessions},
};
use crate::{
    backend::{Segment, Tables},
    clock::BootInstant,
    cluster::namespace_id,
    policy::{NodePlan, Plan},
};

/// Refuses a plan that would cut a session that this process was started from, unless it may.
pub(super) fn check(plan: &Plan, cut_own_session: bool) -> Result<(), CutError> {
    judge(plan, &own_sessions(), cut_own_session, |warning| tracing::warn!("{warning}"))
}

/// Warns of a plan in force that cuts somebody else's session. Nothing is refused for it, so no cut waits for it.
pub(super) fn tell_of_others(plan: &Plan) {
    // What could fail is to compile the plan, and that was done before.
    let _ = judge(plan, &other_sessions(), true, |warning| tracing::warn!("{warning}"));
}

fn judge(
    plan: &Plan,
    sessions: &[Session],
    cut_own_session: bool,
    mut warn: impl FnMut(String),
) -> Result<(), CutError> {
    if sessions.is_empty() {
        return Ok(());
    }
    for node in &plan.nodes {
        let Some(namespace) = namespace_id(&node.target.namespace_path()) else { continue };
        let mut theirs = sessions.iter().filter(|session| session.namespace == Some(namespace)).peekable();
        if theirs.peek().is_none() {
            continue;
        }
        let tables = tables(node)?;
        for session in theirs {
            let Some((rule, packet)) = would_cut(node, &tables, session) else { continue };
            if session.own && !cut_own_session {
                return Err(CutError::OwnSession { rule, packet });
            }
            let whose = if session.own { "this command came by" } else { "somebody works in" };
            warn(format!("rule {rule} cuts an SSH session that {whose}, `{packet}`"));
        }
    }
    Ok(())
}

/// The rule that would end the session, from 1, and the packet that proves it, asked of the compiled tables.
fn would_cut(node: &NodePlan, tables: &Tables, session: &Session) -> Option<(usize, String)> {
    let Session { client, server, .. } = *session;
    for (way, packet) in [
        (Way::Ingress, format!("tcp {client} > {server} ack")),
        (Way::Egress, format!("tcp {server} > {client} ack")),
    ] {
        let segment = Segment {
            way,
            peer: client.ip(),
            peer_port: client.port(),
            own_port: server.port(),
            flags: ACK,
            loopback: client.ip().is_loopback() || client.ip() == server.ip(),
        };
        if let Some(entry) = tables.decide(&segment, BootInstant::default()) {
            let place = tables.ruleset.entries[entry].counter;
            return node.rules.get(place as usize).map(|rule| (rule.origin + 1, packet));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{super::ssh::parse, *};
    use crate::{
        cluster::Target,
        policy::{Direction, Flows, PlannedRule, PortRange},
    };

    fn plan(rule: PlannedRule, target: Target) -> Plan {
        let node = NodePlan { node: target.to_string(), target, rules: vec![rule] };
        Plan { description: String::new(), nodes: vec![node] }
    }

    fn rule(direction: Direction, ports: &[u16], peers: &[&str]) -> PlannedRule {
        PlannedRule {
            direction,
            ports: ports.iter().map(|&port| PortRange { first: port, last: port }).collect(),
            peers: peers.iter().map(|peer| peer.parse().unwrap()).collect(),
            loopback: false,
            ..PlannedRule::sample()
        }
    }

    #[test]
    fn a_cut_of_the_own_session_is_refused_with_the_packet() {
        let session = parse("203.0.113.7 50000 192.0.2.1 22").unwrap();
        let new_only = PlannedRule { flows: Flows::New, ..rule(Direction::In, &[22], &[]) };
        for (rule, target, packet) in [
            (rule(Direction::In, &[22], &[]), Target::Local, Some("203.0.113.7:50000 > 192.0.2.1:22")),
            (rule(Direction::In, &[], &["203.0.113.0/24"]), Target::Local, Some("203.0.113.7:50000 > ")),
            (rule(Direction::Out, &[22], &[]), Target::Local, Some("192.0.2.1:22 > 203.0.113.7:50000")),
            (rule(Direction::In, &[5432], &[]), Target::Local, None),
            (rule(Direction::In, &[22], &["198.51.100.0/24"]), Target::Local, None),
            (rule(Direction::In, &[22], &[]), Target::Netns("there is none of this name".into()), None),
            (new_only, Target::Local, None),
        ] {
            let plan = plan(rule, target);
            match (judge(&plan, &[session], false, |warning| panic!("{warning}")), packet) {
                (Err(CutError::OwnSession { rule: 1, packet: met }), Some(packet)) => {
                    assert!(met.contains(packet), "{met}");
                }
                (Ok(()), None) => {}
                other => panic!("{other:?} {plan:?}"),
            }
        }
    }

    #[test]
    fn a_cut_of_another_session_is_told_and_so_is_one_that_was_asked_for() {
        let own = parse("203.0.113.7 50000 192.0.2.1 22").unwrap();
        let other = Session { client: "203.0.113.8:50000".parse().unwrap(), own: false, ..own };
        let plan = plan(rule(Direction::In, &[22], &[]), Target::Local);
        for (session, may, words) in [
            (other, false, "somebody works in, `tcp 203.0.113.8:50000 > 192.0.2.1:22 ack`"),
            (own, true, "this command came by, `tcp 203.0.113.7:50000"),
        ] {
            let mut warnings = Vec::new();
            judge(&plan, &[session], may, |warning| warnings.push(warning)).unwrap();
            assert!(warnings.len() == 1 && warnings[0].contains(words), "{warnings:?}");
        }
    }
}
