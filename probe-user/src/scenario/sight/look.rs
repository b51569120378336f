//! Whether a sight is there.

use std::time::Duration;

use super::{Aspect, ProcessState, Rest, Sight};
use crate::{
    record::{FLAP, Inside, View, port_in_words, rest_in_words},
    scenario::Evidence,
};

impl Sight {
    /// Whether it is so of the node; `None` where nobody looked at it yet. `start` is the view at the run's zero.
    pub(in crate::scenario) fn sees(&self, start: &View, view: &View, node: &str) -> Option<bool> {
        Some(match &self.aspect {
            Aspect::Server { proxy, up } => {
                view.servers.get(&(node.to_owned(), proxy.clone()))?.is_up() == *up
            }
            Aspect::Rest(wanted) => match (wanted, view.rest.get(node)?.status()) {
                (Rest::Status(wanted), Some(status)) => *wanted == status,
                (Rest::Any, Some(_)) | (Rest::Silent, None) => true,
                (Rest::Silent, Some(_)) | (Rest::Any | Rest::Status(_), None) => false,
            },
            Aspect::Port(meets) => {
                let state = view.ports.get(node)?;
                meets.iter().any(|meets| meets.is(state))
            }
            Aspect::MemberKey { present } => view.members.get(node)?.is_some() == *present,
            Aspect::Listed(listed) => listed.is(view.list.as_ref()?.members.get(node)),
            Aspect::Replication { streaming } => streams(view, node)? == *streaming,
            Aspect::Inside { writable } => {
                view.inside.get(node)?.as_ref().is_some_and(Inside::writable) == *writable
            }
            Aspect::Process { server, state } => {
                let key = (node.to_owned(), *server);
                let (now, then) = (*view.processes.get(&key)?, *start.processes.get(&key)?);
                match state {
                    ProcessState::Same => now.is_some() && now == then,
                    ProcessState::Another => now.is_some() && now != then,
                    ProcessState::Gone => now.is_none(),
                }
            }
        })
    }

    /// What there is to see of the node, in a few words.
    pub(in crate::scenario) fn shown(&self, view: &View, node: &str) -> Option<String> {
        Some(match &self.aspect {
            Aspect::Server { proxy, .. } => {
                let server = view.servers.get(&(node.to_owned(), proxy.clone()))?;
                format!("{} ({})", server.status, server.check)
            }
            Aspect::Rest(_) => rest_in_words(view.rest.get(node)?),
            Aspect::Port(_) => port_in_words(view.ports.get(node)?),
            Aspect::MemberKey { .. } => match view.members.get(node)? {
                Some(key) => format!("a key of a {}, {}", key.role, key.state),
                None => "no key".to_owned(),
            },
            Aspect::Listed(_) => match view.list.as_ref()?.members.get(node) {
                Some(row) => format!("{}, {}", row.role, row.state),
                None => "not listed".to_owned(),
            },
            Aspect::Replication { .. } => {
                let words = if streams(view, node)? { "streams" } else { "does not stream" };
                words.to_owned()
            }
            Aspect::Inside { .. } => match view.inside.get(node)? {
                Some(inside) if inside.writable() => "writable".to_owned(),
                Some(_) => "read-only".to_owned(),
                None => "stopped".to_owned(),
            },
            Aspect::Process { server, .. } => match view.processes.get(&(node.to_owned(), *server))? {
                Some(pid) => format!("pid {pid}"),
                None => "no process".to_owned(),
            },
        })
    }

    /// What every node that is meant shows, as `pg1: read-only, pg2: writable`.
    pub(in crate::scenario) fn shown_of(&self, view: &View, nodes: &[String]) -> String {
        let shown = nodes.iter().filter_map(|node| Some(format!("{node}: {}", self.shown(view, node)?)));
        shown.collect::<Vec<_>>().join(", ")
    }

    /// Whether it is so of every node that is meant; `None` where one of them was not seen.
    pub(in crate::scenario) fn all(&self, start: &View, view: &View, nodes: &[String]) -> Option<bool> {
        let mut sees = nodes.iter().map(|node| self.sees(start, view, node));
        sees.try_fold(true, |all, one| one.map(|one| all && one))
    }

    /// Whether it is so at the end of the record so far.
    pub(in crate::scenario) fn now(&self, evidence: &Evidence<'_>) -> bool {
        let nodes = self.node.resolve(evidence);
        let view = View::after(evidence.events.iter().copied());
        !nodes.is_empty() && self.all(&evidence.start, &view, &nodes) == Some(true)
    }

    /// How long it may look otherwise because the probe, not the cluster, had a bad moment.
    pub(in crate::scenario) fn flicker(&self) -> Duration {
        if matches!(self.aspect, Aspect::Rest(_) | Aspect::Port(_)) { FLAP } else { Duration::ZERO }
    }
}

/// Whether the holder of the leader key says that the node streams from it; nothing streams where nobody holds the
/// key.
fn streams(view: &View, node: &str) -> Option<bool> {
    let Some(leader) = view.leader.as_ref()? else { return Some(false) };
    let standbys = view.replication.get(leader)?;
    let standby = standbys.as_ref().and_then(|standbys| standbys.get(node));
    Some(standby.is_some_and(|standby| standby.state == "streaming"))
}
