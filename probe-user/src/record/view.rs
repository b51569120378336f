//! The cluster as its observers see it at one moment: events, replayed.

use std::collections::BTreeMap;

use super::{
    ClusterView, Event, Inside, Kind, LeaderKey, MemberKey, PortState, RestState, ServerProcess, ServerState,
    Streaming,
};
use crate::cluster::Server;

/// What was last seen of everything. What is not in a map was not seen yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Who holds the leader key; `Some(None)` when nobody does.
    pub leader: Option<Option<String>>,
    /// Member keys; `None` when the key is gone.
    pub members: BTreeMap<String, Option<MemberKey>>,
    /// What each REST API answers.
    pub rest: BTreeMap<String, RestState>,
    /// What a client meets at each PostgreSQL port.
    pub ports: BTreeMap<String, PortState>,
    /// `HAProxy`'s view, by node and proxy.
    pub servers: BTreeMap<(String, String), ServerState>,
    /// What each PostgreSQL says of itself; `None` when it does not answer.
    pub inside: BTreeMap<String, Option<Inside>>,
    /// The first process of each server, by node; `None` while it does not run.
    pub processes: BTreeMap<(String, Server), Option<u32>>,
    /// What `patronictl list` prints.
    pub list: Option<ClusterView>,
    /// Who streams from each PostgreSQL; `None` when it does not answer.
    pub replication: BTreeMap<String, Option<BTreeMap<String, Streaming>>>,
    /// Whether etcd answers the observer.
    pub etcd: Option<bool>,
}

impl View {
    /// Whether events of this kind are part of a view.
    pub fn holds(kind: Kind) -> bool {
        matches!(
            kind,
            Kind::LeaderKey
                | Kind::EtcdReachable
                | Kind::List
                | Kind::Replication
                | Kind::MemberKey
                | Kind::Rest
                | Kind::Port
                | Kind::Inside
                | Kind::Process
                | Kind::Server
        )
    }

    /// Takes one event in. Events of other kinds, and payloads of another shape, change nothing.
    pub fn take(&mut self, event: &Event) {
        if !Self::holds(event.kind) {
            return;
        }
        if event.kind == Kind::LeaderKey {
            if let Some(key) = event.after_as::<Option<LeaderKey>>() {
                self.leader = Some(key.map(|key| key.holder));
            }
            return;
        }
        if event.kind == Kind::EtcdReachable {
            self.etcd = event.after.as_str().map(|text| text == "reachable").or(self.etcd);
            return;
        }
        if event.kind == Kind::List {
            self.list = event.after_as().or(self.list.take());
            return;
        }
        let Some(node) = event.node.clone() else { return };
        match event.kind {
            Kind::MemberKey => replace(&mut self.members, node, event.after_as()),
            Kind::Rest => replace(&mut self.rest, node, event.after_as()),
            Kind::Port => replace(&mut self.ports, node, event.after_as()),
            Kind::Replication => replace(&mut self.replication, node, event.after_as()),
            Kind::Process => {
                if let Some(process) = event.after_as::<ServerProcess>() {
                    self.processes.insert((node, process.server), process.pid);
                }
            }
            Kind::Inside => replace(&mut self.inside, node, event.after_as()),
            Kind::Server => {
                if let Some(server) = event.after_as::<ServerState>() {
                    self.servers.insert((node, server.proxy.clone()), server);
                }
            }
            _ => {}
        }
    }

    /// The view after all of `events`, which must be in order.
    pub fn after<'event>(events: impl IntoIterator<Item = &'event Event>) -> Self {
        let mut view = Self::default();
        for event in events {
            view.take(event);
        }
        view
    }

    /// Who holds the leader key.
    pub fn holder(&self) -> Option<&str> {
        self.leader.as_ref()?.as_deref()
    }

    /// Nodes whose PostgreSQL would accept a write, in the order of their names.
    pub fn writable(&self) -> Vec<String> {
        let writable = |inside: &Option<Inside>| inside.as_ref().is_some_and(Inside::writable);
        self.inside.iter().filter(|(_, inside)| writable(inside)).map(|(node, _)| node.clone()).collect()
    }

    /// Whether the node takes its part in the cluster, as far as it is watched: its member key is there, its
    /// REST API answers 200, and `HAProxy` has it UP in at least one proxy.
    pub fn takes_part(&self, node: &str) -> bool {
        let key = self.members.get(node).is_none_or(Option::is_some);
        let rest = self.rest.get(node).is_none_or(|rest| rest.status() == Some(200));
        key && rest && self.up_somewhere(node)
    }

    /// Whether `HAProxy` has the node UP in at least one proxy, as far as it is watched.
    pub(crate) fn up_somewhere(&self, node: &str) -> bool {
        let mut servers = self.servers.iter().filter(|((name, _), _)| name == node).peekable();
        servers.peek().is_none() || servers.any(|(_, server)| server.is_up())
    }
}

impl RestState {
    /// The HTTP status, where it answers.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answers { status, .. } => Some(*status),
            Self::Silent(_) => None,
        }
    }
}

impl ServerState {
    /// Whether `HAProxy` sends clients there. A status such as `UP 1/3` is a server on its way down: still up.
    pub fn is_up(&self) -> bool {
        self.status.starts_with("UP") || self.status == "no check"
    }
}

fn replace<T>(map: &mut BTreeMap<String, T>, node: String, value: Option<T>) {
    if let Some(value) = value {
        map.insert(node, value);
    }
}
