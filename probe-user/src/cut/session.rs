//! The way in: the SSH session that a command came by, which no cut may end unawares.

use std::{fs, net::IpAddr};

use probe_ebpf::{abi::Way, decode::tcp_flag::ACK};

use super::CutError;
use crate::{
    backend::{CompileError, RankedRule, Segment, compile},
    clock::BootInstant,
    cluster::Target,
    policy::{NodePlan, Plan, PlannedRule},
};

/// An SSH session's TCP connection, as sshd describes it in `SSH_CONNECTION` (ssh(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Session {
    client: IpAddr,
    client_port: u16,
    server: IpAddr,
    server_port: u16,
}

/// Refuses a plan that would cut the session that this process was started from.
pub(super) fn check(plan: &Plan) -> Result<(), CutError> {
    match own_session() {
        Some(session) => check_against(plan, session),
        None => Ok(()),
    }
}

fn check_against(plan: &Plan, session: Session) -> Result<(), CutError> {
    for node in plan.nodes.iter().filter(|node| node.target == Target::Local) {
        let hit = would_cut(node, session)
            .map_err(|source| CutError::Compile { target: node.target.clone(), source })?;
        if let Some((rule, packet)) = hit {
            return Err(CutError::OwnSession { rule: rule.origin + 1, packet });
        }
    }
    Ok(())
}

/// The rule that would end the session, and the packet that proves it, asked of the compiled tables.
fn would_cut(node: &NodePlan, session: Session) -> Result<Option<(&PlannedRule, String)>, CompileError> {
    let Session { client, client_port, server, server_port } = session;
    let rules: Vec<_> = (0..).zip(&node.rules).map(|(place, rule)| in_force(place, rule)).collect();
    let tables = compile(&rules)?;
    for (way, packet) in [
        (Way::Ingress, format!("tcp {client}:{client_port} > {server}:{server_port} ack")),
        (Way::Egress, format!("tcp {server}:{server_port} > {client}:{client_port} ack")),
    ] {
        let segment = Segment {
            way,
            peer: client,
            peer_port: client_port,
            own_port: server_port,
            flags: ACK,
            loopback: client.is_loopback() || client == server,
        };
        if let Some(entry) = tables.decide(&segment, BootInstant::default()) {
            let place = tables.ruleset.entries[entry].counter;
            return Ok(node.rules.get(place as usize).map(|rule| (rule, packet)));
        }
    }
    Ok(None)
}

/// A rule as if it held for ever; its counter tells which one it was.
fn in_force(place: u32, rule: &PlannedRule) -> RankedRule<'_> {
    let deadline = BootInstant { ns: u64::MAX };
    RankedRule {
        rule,
        since: BootInstant::default(),
        deadline,
        counter: place,
        ingress: probe_ebpf::abi::Hook::Tc,
        bound_to: Vec::new(),
    }
}

/// The session that this process belongs to. `sudo` drops the variable, so the ancestors are asked too.
fn own_session() -> Option<Session> {
    if let Ok(connection) = std::env::var(VARIABLE) {
        return parse(&connection);
    }
    let mut pid = parent("self")?;
    while pid > 1 {
        if let Some(connection) = environment(pid) {
            return parse(&connection);
        }
        pid = parent(&pid.to_string())?;
    }
    None
}

const VARIABLE: &str = "SSH_CONNECTION";

fn parse(connection: &str) -> Option<Session> {
    let mut words = connection.split_whitespace();
    Some(Session {
        client: words.next()?.parse().ok()?,
        client_port: words.next()?.parse().ok()?,
        server: words.next()?.parse().ok()?,
        server_port: words.next()?.parse().ok()?,
    })
}

/// The variable in a process's environment (`proc_pid_environ(5)`).
fn environment(pid: u32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut variables =
        environment.split(|&byte| byte == 0).filter_map(|entry| std::str::from_utf8(entry).ok());
    variables.find_map(|entry| entry.strip_prefix(VARIABLE)?.strip_prefix('=').map(str::to_owned))
}

/// A process's parent (`proc_pid_status(5)`).
fn parent(pid: &str) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Direction, Flows, PortRange};

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
            (rule(Direction::In, &[22], &[]), Target::Netns("pg1".into()), None),
            (new_only, Target::Local, None),
        ] {
            let plan = plan(rule, target);
            match (check_against(&plan, session), packet) {
                (Err(CutError::OwnSession { rule: 1, packet: met }), Some(packet)) => {
                    assert!(met.contains(packet), "{met}");
                }
                (Ok(()), None) => {}
                other => panic!("{other:?} {plan:?}"),
            }
        }
    }

    #[test]
    fn what_sshd_says_is_read() {
        assert!(parse("fd00::7 50000 fd00::1 22").is_some_and(|session| session.server_port == 22));
        assert_eq!(parse(""), None);
        assert_eq!(parse("nonsense 1 2 3"), None);
    }
}
