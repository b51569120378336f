//! Who reaches whom, asked of the compiled tables. Pure.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use probe_ebpf::{
    abi::{Hook, Way},
    decode::{
        Family, Packet, protocol,
        tcp_flag::{ACK, SYN},
    },
};

use super::{Class, Party, class::callers_port, classes};
use crate::{
    backend::{CompileError, Met, RankedRule, Tables, compile},
    clock::BootInstant,
    cluster::Target,
    policy::{Action, Plan, PlannedRule},
};

/// What a caller meets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// An attempt to connect; for other protocols than TCP, any packet.
    pub new: Option<Hit>,
    /// What follows on an open connection.
    pub open: Option<Hit>,
}

/// A rule that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// What it does.
    pub action: Action,
    /// Whether it is the answer that is hit; the call itself arrives.
    pub answer: bool,
}

/// For each caller and each called, in the order of the parties, what the one meets at the other.
pub type Matrix = Vec<Vec<Cell>>;

/// Who reaches whom, for classes of traffic that fare alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The classes.
    pub classes: Vec<Class>,
    /// As the cuts in force have it.
    pub before: Matrix,
    /// With the plan, too.
    pub after: Matrix,
}

/// Who reaches whom before and after a plan, for each class of traffic that it names. `in_force` are the rules that
/// packets are judged by already: at each place, in their order.
pub fn reach(
    plan: &Plan,
    parties: &[Party],
    in_force: &BTreeMap<Target, Vec<PlannedRule>>,
) -> Result<Vec<Reach>, CompileError> {
    let mut then = in_force.clone();
    for node in &plan.nodes {
        then.entry(node.target.clone()).or_default().extend(node.rules.iter().cloned());
    }
    let (before, after) = (Judge::new(in_force)?, Judge::new(&then)?);
    let mut reached: Vec<Reach> = Vec::new();
    for class in classes(plan.nodes.iter().flat_map(|node| &node.rules)) {
        let (before, after) = (matrix_of(&before, parties, class), matrix_of(&after, parties, class));
        match reached.iter_mut().find(|reach| reach.before == before && reach.after == after) {
            Some(alike) => alike.classes.push(class),
            None => reached.push(Reach { classes: vec![class], before, after }),
        }
    }
    Ok(reached)
}

/// Who reaches whom under these rules, for one class of traffic.
#[cfg(test)]
pub(super) fn matrix(
    rules: &BTreeMap<Target, Vec<PlannedRule>>,
    parties: &[Party],
    class: Class,
) -> Result<Matrix, CompileError> {
    Ok(matrix_of(&Judge::new(rules)?, parties, class))
}

fn matrix_of(judge: &Judge<'_>, parties: &[Party], class: Class) -> Matrix {
    parties.iter().map(|from| parties.iter().map(|to| judge.cell(from, to, class)).collect()).collect()
}

/// Every place's compiled rules.
struct Judge<'r> {
    rules: Vec<&'r PlannedRule>,
    callers_port: u16,
    places: BTreeMap<&'r Target, (Vec<&'r PlannedRule>, Tables)>,
}

impl<'r> Judge<'r> {
    fn new(rules: &'r BTreeMap<Target, Vec<PlannedRule>>) -> Result<Self, CompileError> {
        let places = rules.iter().map(|(target, rules)| {
            let ranked = (0..).zip(rules).map(|(counter, rule)| RankedRule {
                rule,
                deadline: BootInstant { ns: u64::MAX },
                counter,
                ingress: Hook::Tc,
                bound_to: Vec::new(),
            });
            Ok((target, (rules.iter().collect(), compile(&ranked.collect::<Vec<_>>())?)))
        });
        let places = places.collect::<Result<_, _>>()?;
        let rules: Vec<_> = rules.values().flatten().collect();
        Ok(Self { callers_port: callers_port(&rules), rules, places })
    }

    fn cell(&self, from: &Party, to: &Party, class: Class) -> Cell {
        match class.protocol {
            protocol::TCP => Cell {
                new: self.journey(from, to, class, [SYN, SYN | ACK]),
                open: self.journey(from, to, class, [ACK, ACK]),
            },
            _ => {
                let hit = self.journey(from, to, class, [0, 0]);
                Cell { new: hit.clone(), open: hit }
            }
        }
    }

    /// A call and its answer, as far as they come.
    fn journey(&self, from: &Party, to: &Party, class: Class, flags: [u8; 2]) -> Option<Hit> {
        let (caller, called) = (self.callers_port, class.port(&self.rules));
        let call = packet(class, from.address, caller, called, flags[0]);
        let answer = packet(class, from.address, called, caller, flags[1]);
        let loopback = from == to;
        let hop = |at: &Party, packet: &Packet, way, peer: IpAddr, answer| {
            let action = self.action(at, packet, &Met { way, peer, loopback })?;
            Some(Hit { action, answer })
        };
        hop(from, &call, Way::Egress, to.address, false)
            .or_else(|| hop(to, &call, Way::Ingress, from.address, false))
            .or_else(|| hop(to, &answer, Way::Egress, from.address, true))
            .or_else(|| hop(from, &answer, Way::Ingress, to.address, true))
    }

    fn action(&self, at: &Party, packet: &Packet, met: &Met) -> Option<Action> {
        let (rules, tables) = self.places.get(at.target.as_ref()?)?;
        let rank = tables.decide_packet(packet, met, BootInstant::default())?;
        let place = tables.ruleset.entries[rank].counter as usize;
        rules.get(place).map(|rule| rule.action)
    }
}

/// A packet as far as rules distinguish it; only readers of bytes need offsets.
fn packet(class: Class, address: IpAddr, source_port: u16, destination_port: u16, tcp_flags: u8) -> Packet {
    let has_ports = matches!(class.protocol, protocol::TCP | protocol::UDP);
    let port = |port| if has_ports { port } else { 0 };
    Packet {
        family: if address.is_ipv4() { Family::V4 } else { Family::V6 },
        network: 0,
        transport: 0,
        end: 0,
        protocol: class.protocol,
        later_fragment: false,
        source_port: port(source_port),
        destination_port: port(destination_port),
        tcp_flags,
        icmp_type: 0,
    }
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.answer, self.action) {
            (false, action) => action.fmt(f),
            (true, Action::Drop) => f.write_str("answers dropped"),
            (true, Action::Reject) => f.write_str("answers rejected"),
            (true, action) => write!(f, "answers: {action}"),
        }
    }
}

/// Such as `ok`, `drop`, `answers dropped` or `drop (new only)`.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.new, &self.open) {
            (None, None) => f.write_str("ok"),
            (Some(new), Some(open)) if new == open => new.fmt(f),
            (Some(new), None) => write!(f, "{new} (new only)"),
            (None, Some(open)) => write!(f, "{open} (established only)"),
            (Some(new), Some(open)) => write!(f, "{new} (new), {open} (established)"),
        }
    }
}
