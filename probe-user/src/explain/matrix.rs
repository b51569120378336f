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
    pub new: Fate,
    /// What follows on an open connection.
    pub open: Fate,
}

/// What becomes of packets of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// The first rule that stands in the way.
    pub hit: Option<Hit>,
    /// What comes of those that it does not hit, if it hits only some.
    pub otherwise: Option<Hit>,
}

/// A rule that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// What it does.
    pub action: Action,
    /// Whether it is the answer that is hit; the call itself arrives.
    pub answer: bool,
    /// Which packets it hits, if not all.
    pub only: Option<String>,
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
    places: BTreeMap<&'r Target, Compiled<'r>>,
}

/// The rules of one place, to be asked.
pub(super) struct Compiled<'r> {
    rules: &'r [PlannedRule],
    tables: Tables,
}

impl<'r> Compiled<'r> {
    pub(super) fn new(rules: &'r [PlannedRule]) -> Result<Self, CompileError> {
        let ranked = (0..).zip(rules).map(|(counter, rule)| RankedRule {
            rule,
            since: BootInstant::default(),
            deadline: BootInstant { ns: u64::MAX },
            counter,
            ingress: Hook::Tc,
            bound_to: Vec::new(),
        });
        Ok(Self { rules, tables: compile(&ranked.collect::<Vec<_>>())? })
    }

    /// The rule that decides a packet. One that is bound to interfaces counts as bound to the packet's.
    pub(super) fn rule(&self, packet: &Packet, met: &Met) -> Option<&'r PlannedRule> {
        let rank = self.tables.decide_packet(packet, met, BootInstant::default())?;
        self.rules.get(self.tables.ruleset.entries[rank].counter as usize)
    }
}

impl<'r> Judge<'r> {
    fn new(rules: &'r BTreeMap<Target, Vec<PlannedRule>>) -> Result<Self, CompileError> {
        let places = rules.iter().map(|(target, rules)| Ok((target, Compiled::new(rules)?)));
        let places = places.collect::<Result<_, _>>()?;
        let rules: Vec<_> = rules.values().flatten().collect();
        Ok(Self { callers_port: callers_port(&rules), rules, places })
    }

    fn cell(&self, from: &Party, to: &Party, class: Class) -> Cell {
        if class.protocol == protocol::TCP {
            return Cell {
                new: self.fate(from, to, class, [SYN, SYN | ACK]),
                open: self.fate(from, to, class, [ACK, ACK]),
            };
        }
        let fate = self.fate(from, to, class, [0, 0]);
        Cell { new: fate.clone(), open: fate }
    }

    fn fate(&self, from: &Party, to: &Party, class: Class, flags: [u8; 2]) -> Fate {
        let hit = self.journey(from, to, class, flags, true);
        let narrowed = hit.as_ref().is_some_and(|hit| hit.only.is_some());
        let otherwise = narrowed.then(|| self.journey(from, to, class, flags, false)).flatten();
        Fate { hit, otherwise }
    }

    /// A call and its answer, as far as they come.
    fn journey(
        &self,
        from: &Party,
        to: &Party,
        class: Class,
        flags: [u8; 2],
        narrowed_hit: bool,
    ) -> Option<Hit> {
        let (own_port, port) = (self.callers_port, class.port(&self.rules));
        let call = packet(class, from.address, own_port, port, flags[0]);
        let answer = packet(class, from.address, port, own_port, flags[1]);
        let loopback = from == to;
        let hop = |at: &Party, packet: &Packet, way, peer: IpAddr, answer| {
            let met = Met { way, peer, loopback, narrowed_hit };
            let rule = self.places.get(at.target.as_ref()?)?.rule(packet, &met)?;
            let only = rule.narrowing.to_string();
            let only = only.strip_prefix(", ").map(str::to_owned);
            Some(Hit { action: rule.action, answer, only })
        };
        hop(from, &call, Way::Egress, to.address, false)
            .or_else(|| hop(to, &call, Way::Ingress, from.address, false))
            .or_else(|| hop(to, &answer, Way::Egress, from.address, true))
            .or_else(|| hop(from, &answer, Way::Ingress, to.address, true))
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
        data: 0,
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

impl Fate {
    /// Such as `drop`, or `drop (new only, 30 % of them), else reset`.
    fn in_words(&self, which: Option<&str>) -> String {
        let Some(hit) = &self.hit else { return "ok".to_owned() };
        let notes: Vec<&str> = which.into_iter().chain(hit.only.as_deref()).collect();
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
        let otherwise = self.otherwise.as_ref().map_or(String::new(), |hit| format!(", else {hit}"));
        format!("{hit}{notes}{otherwise}")
    }
}

/// Such as `ok`, `drop`, `answers dropped` or `drop (new only)`.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ok = Fate::default();
        f.write_str(&match (&self.new, &self.open) {
            (new, open) if new == open => new.in_words(None),
            (new, open) if *open == ok => new.in_words(Some("new only")),
            (new, open) if *new == ok => open.in_words(Some("established only")),
            (new, open) => format!("{}, {}", new.in_words(Some("new")), open.in_words(Some("established"))),
        })
    }
}
