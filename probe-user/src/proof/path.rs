//! The way of a probe's packets past the rules of both ends, asked of the compiled tables.

use std::{
    cell::OnceCell,
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use probe_ebpf::{
    abi::{Carries, Hook, LOOPBACK_IFINDEX, Way},
    decode::tcp_flag::{ACK, FIN, SYN},
};

use super::{Manner, Ruling};
use crate::{
    backend::{Met, Question, RankedRule, Tables, compile},
    clock::BootInstant,
    cluster::Target,
    policy::{NodePlan, Plan, PlannedRule},
    record::ProbeMet,
};

/// How often a SYN-ACK is sent at most: `tcp_synack_retries` is 5 (`tcp(7)`).
const SYN_ACKS: u64 = 6;

/// How many segments a connection sends at most from its handshake to its end, while nothing of it arrives.
const FAREWELL: u64 = 16;

/// The control bits of a probe's packets; none for a datagram.
const FLAGS: [u8; 4] = [0, SYN, SYN | ACK, FIN | ACK];

/// One end of a probe.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) target: Target,
    pub(super) address: IpAddr,
}

/// A probe's way.
pub(super) struct Path<'a> {
    pub(super) client: &'a End,
    pub(super) server: &'a Target,
    pub(super) to: SocketAddr,
    pub(super) from_port: u16,
}

/// Which rule decides a packet.
pub(super) struct Decider {
    pub(super) by: Ruling,
    /// Whether it belongs to a cut that was there before.
    pub(super) earlier: bool,
}

/// What becomes of a probe.
pub(super) struct Fate {
    pub(super) met: ProbeMet,
    /// The first rule that decides one of its packets.
    pub(super) decided_by: Option<Decider>,
    /// How often it is to be tried.
    pub(super) tries: u32,
    /// How many hits of that rule it causes at most.
    pub(super) own_hits: u64,
}

/// The rules of every place that has some.
pub(super) struct Rules {
    places: BTreeMap<Target, Place>,
}

struct Place {
    /// The rules that may hit a probe, for each of its packets; compiled once somebody asks. What does not fit is refused
    /// when it is applied.
    tables: BTreeMap<u8, OnceCell<Option<Tables>>>,
    node: String,
    /// The rules by their counters: whether each was there before, and itself.
    rules: Vec<(bool, PlannedRule)>,
}

impl Rules {
    pub(super) fn of(plan: &Plan, earlier: &[NodePlan]) -> Self {
        let mut rules: BTreeMap<Target, (String, Vec<(bool, PlannedRule)>)> = BTreeMap::new();
        let before = earlier.iter().map(|node| (true, node));
        for (before, node) in before.chain(plan.nodes.iter().map(|node| (false, node))) {
            let own = node.rules.iter().map(|rule| (before, rule.clone()));
            let here = rules.entry(node.target.clone()).or_default();
            here.0.clone_from(&node.node);
            here.1.extend(own);
        }
        let place = |(target, (node, rules)): (Target, (String, Vec<(bool, PlannedRule)>))| {
            let tables = FLAGS.into_iter().map(|flags| (flags, OnceCell::new())).collect();
            (target, Place { tables, node, rules })
        };
        Self { places: rules.into_iter().map(place).collect() }
    }

    /// Follows the packets of a probe until a rule decides one. What is late goes on, and may yet be cut.
    pub(super) fn fate(&self, path: &Path<'_>, manner: Manner) -> Fate {
        let steps: &[(Carries, u8, bool)] = match manner {
            Manner::Datagram => &[(Carries::Udp, 0, true)],
            Manner::Connect => &[(Carries::TcpNew, SYN, true), (Carries::TcpEstablished, SYN | ACK, false)],
            Manner::Farewell => &[
                (Carries::TcpNew, SYN, true),
                (Carries::TcpEstablished, SYN | ACK, false),
                (Carries::TcpEstablished, FIN | ACK, true),
            ],
        };
        let mut late = None;
        for &(carries, tcp_flags, to_server) in steps {
            let ways = if to_server {
                [(Way::Egress, true), (Way::Ingress, false)]
            } else {
                [(Way::Egress, false), (Way::Ingress, true)]
            };
            for (way, at_client) in ways {
                if let Some((by, rule)) = self.decider(path, way, at_client, carries, tcp_flags) {
                    let answer = rule.answer(manner).unwrap_or(ProbeMet::Passes);
                    let is_late = matches!(answer, ProbeMet::Late { .. });
                    let goes_on = is_late || answer == ProbeMet::Passes;
                    let fate = Fate {
                        // An answer goes to whoever sent the packet; the other end hears nothing.
                        met: if to_server || goes_on { answer } else { ProbeMet::Silence },
                        tries: rule.tries(),
                        decided_by: Some(by),
                        own_hits: match (to_server, carries) {
                            // While nothing comes back, it is sent again.
                            _ if is_late => FAREWELL,
                            (false, _) => SYN_ACKS,
                            (true, Carries::TcpEstablished) => FAREWELL,
                            (true, _) => 1,
                        },
                    };
                    if !is_late {
                        return fate;
                    }
                    late = late.or(Some(fate));
                }
            }
        }
        late.unwrap_or(Fate { met: ProbeMet::Passes, decided_by: None, own_hits: 0, tries: 1 })
    }

    fn decider(
        &self,
        path: &Path<'_>,
        way: Way,
        at_client: bool,
        carries: Carries,
        tcp_flags: u8,
    ) -> Option<(Decider, &PlannedRule)> {
        let (client, server) = ((path.client.address, path.from_port), (path.to.ip(), path.to.port()));
        let (target, own, peer) =
            if at_client { (&path.client.target, client, server) } else { (path.server, server, client) };
        let place = self.places.get(target)?;
        let question = Question {
            met: Met { way, peer: peer.0, loopback: path.client.target == *path.server, narrowed_hit: true },
            carries,
            ports: Some((own.1, peer.1)),
            tcp_flags,
        };
        let compiled = place.tables.get(&tcp_flags)?;
        let tables = compiled.get_or_init(|| tables(&place.rules, tcp_flags)).as_ref()?;
        let entry = tables.answer(&question)?;
        let counter = tables.ruleset.entries[entry].counter as usize;
        let (earlier, rule) = place.rules.get(counter)?;
        let by = Ruling { node: place.node.clone(), rule: rule.origin };
        Some((Decider { by, earlier: *earlier }, rule))
    }
}

fn tables(rules: &[(bool, PlannedRule)], flags: u8) -> Option<Tables> {
    let may_hit = |rule: &PlannedRule| {
        let spared = rule.spares_probes().is_some() && rule.answer(Manner::Connect).is_some();
        !spared && rule.names_flags(flags)
    };
    let ranked: Vec<_> = (0..)
        .zip(rules)
        .filter(|(_, (_, rule))| may_hit(rule))
        .map(|(counter, (_, rule))| RankedRule {
            rule,
            since: BootInstant::default(),
            deadline: BootInstant { ns: u64::MAX },
            counter,
            ingress: Hook::Tc,
            // To an interface that stands for all but `lo`: which one a packet takes is what the probe shows.
            bound_to: rule
                .interfaces
                .iter()
                .map(|name| if name == "lo" { LOOPBACK_IFINDEX } else { LOOPBACK_IFINDEX + 1 })
                .collect(),
        })
        .collect();
    compile(&ranked).ok()
}
