//! Whether a rule concerns an open connection. Pure, and asked of the compiled tables, which decide packets, too.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    net::SocketAddr,
};

use probe_ebpf::{
    abi::{Carries, Way},
    decode::tcp_flag::ACK,
};

use super::super::{CutError, protect};
use crate::{
    backend::{Met, Question, Tables},
    policy::NodePlan,
};

/// An open TCP connection, seen from one of its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connection {
    /// The node's end.
    pub(super) local: SocketAddr,
    /// The peer's end.
    pub(super) peer: SocketAddr,
    /// The interface that its packets take; nothing if there is no way to the peer any more.
    pub(super) interface: Option<String>,
}

/// The rules of a node, to be asked about connections.
pub(super) struct Closers<'a> {
    node: &'a NodePlan,
    /// What holds on each interface that was asked about.
    on: BTreeMap<Option<String>, OnInterface>,
}

/// The rules that hold on an interface, and their tables, whose counters are their places.
struct OnInterface {
    rules: NodePlan,
    tables: Tables,
}

impl<'a> Closers<'a> {
    pub(super) fn new(node: &'a NodePlan) -> Self {
        Self { node, on: BTreeMap::new() }
    }

    /// Whether [`Self::concern`] may hold on some interface, for whoever does not know it yet.
    pub(super) fn may_concern(&mut self, local: SocketAddr, peer: SocketAddr) -> Result<bool, CutError> {
        let named = self.node.rules.iter().flat_map(|rule| rule.interfaces.iter().cloned().map(Some));
        // Any that no rule names is like none.
        let interfaces: BTreeSet<_> = named.chain([None, Some("lo".to_owned())]).collect();
        for interface in interfaces {
            if self.concern(&Connection { local, peer, interface })? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a rule that closes sockets decides a packet of the connection, arriving or leaving. A packet that an
    /// earlier rule only may hit, such as one with a probability, is for the rules behind it.
    pub(super) fn concern(&mut self, connection: &Connection) -> Result<bool, CutError> {
        let Connection { local, peer, interface } = connection;
        let here = match self.on.entry(interface.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(OnInterface::of(self.node, interface.as_deref())?),
        };
        let loopback = interface.as_deref() == Some("lo");
        // On `lo` the node is at both ends, and meets each packet twice: leaving the one, arriving at the other.
        let mirrored = loopback.then_some((peer, local));
        let mut ends = [(local, peer)].into_iter().chain(mirrored);
        Ok(ends.any(|(own, other)| here.closes(own, other, loopback)))
    }
}

impl OnInterface {
    fn of(node: &NodePlan, interface: Option<&str>) -> Result<Self, CutError> {
        let mut rules = node.clone();
        rules.rules.retain(|rule| {
            rule.interfaces.is_empty() || rule.interfaces.iter().any(|name| Some(name.as_str()) == interface)
        });
        Ok(Self { tables: protect::tables(&rules)?, rules })
    }

    fn closes(&self, own: &SocketAddr, other: &SocketAddr, loopback: bool) -> bool {
        [Way::Ingress, Way::Egress].into_iter().any(|way| {
            let segment = Question {
                met: Met { way, peer: other.ip(), loopback, narrowed_hit: false },
                carries: Carries::TcpEstablished,
                ports: Some((own.port(), other.port())),
                tcp_flags: ACK,
            };
            let rule = self.tables.answer(&segment).and_then(|rank| {
                let place = self.tables.ruleset.entries[rank].counter;
                self.rules.rules.get(place as usize)
            });
            rule.is_some_and(|rule| rule.close_sockets)
        })
    }
}
