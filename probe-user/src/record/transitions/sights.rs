//! What observers see: one view of the cluster and the next, and what of the difference is a change.

use std::collections::{BTreeMap, BTreeSet};

use super::Follower;
use crate::{
    clock::BootInstant,
    record::{
        ClusterView, Event, Inside, Kind, PortState, RestState, Streaming, View, What,
        words::{inside_in_words, port_in_words, rest_in_words},
    },
};

/// Who streams from a node; `None` when its PostgreSQL does not answer.
type Streams = Option<BTreeMap<String, Streaming>>;

impl Follower {
    /// What one event changed of what is seen of the cluster.
    pub(super) fn changed(&mut self, event: &Event, before: &View, view: &View) {
        let at = event.boot_ns;
        let node = event.node.as_deref().unwrap_or_default();
        match event.kind {
            Kind::LeaderKey => self.leader(at, before, view),
            Kind::EtcdReachable => match (before.etcd, view.etcd) {
                (Some(true), Some(false)) => self.push(at, "etcd", What::EtcdUnreachable, None, text(event)),
                (Some(false), Some(true)) => self.push(at, "etcd", What::EtcdReachable, None, None),
                _ => {}
            },
            Kind::MemberKey => match (before.members.get(node), view.members.get(node)) {
                (Some(Some(key)), Some(None)) => {
                    self.push(at, node, What::MemberLost, Some(key.role.clone()), None);
                }
                (Some(None), Some(Some(key))) => {
                    self.push(at, node, What::MemberBack, None, Some(key.role.clone()));
                }
                _ => {}
            },
            Kind::List => self.list(at, before.list.as_ref(), view.list.as_ref()),
            Kind::Replication => {
                self.replication(at, node, before.replication.get(node), view.replication.get(node));
            }
            Kind::Rest => self.rest(at, node, before.rest.get(node), view.rest.get(node)),
            Kind::Port => self.port(at, node, before.ports.get(node), view.ports.get(node)),
            Kind::Server => {
                for ((_, proxy), server) in view.servers.iter().filter(|((name, _), _)| name == node) {
                    let key = (node.to_owned(), proxy.clone());
                    let Some(was) = before.servers.get(&key) else { continue };
                    let what = match (was.is_up(), server.is_up()) {
                        (true, false) => What::ServerDown,
                        (false, true) => What::ServerUp,
                        _ => continue,
                    };
                    let to = Some(format!("{proxy} {} ({})", server.status, server.check));
                    self.push(at, node, what, Some(format!("{proxy} {}", was.status)), to);
                }
            }
            Kind::Inside => {
                self.inside(at, node, before.inside.get(node), view.inside.get(node));
                self.timeline(at, node, before.inside.get(node), view.inside.get(node));
            }
            _ => {}
        }
    }

    fn leader(&mut self, at: BootInstant, before: &View, after: &View) {
        let (Some(was), Some(is)) = (&before.leader, &after.leader) else { return };
        let what = match (was, is) {
            (Some(_), None) => What::LeaderLost,
            (Some(was), Some(is)) if was != is => What::LeaderMoved,
            (None, Some(_)) => What::LeaderElected,
            _ => return,
        };
        // Across a time without a leader, the last one is the one that lost it.
        let from = was.clone().or_else(|| self.lost_leader.clone());
        if what == What::LeaderLost {
            self.lost_leader.clone_from(was);
        }
        self.push(at, "cluster", what, from, is.clone());
    }

    fn list(&mut self, at: BootInstant, before: Option<&ClusterView>, after: Option<&ClusterView>) {
        let (Some(before), Some(after)) = (before, after) else { return };
        for (node, member) in &after.members {
            let Some(was) = before.members.get(node).filter(|was| was.state != member.state) else {
                continue;
            };
            // Who is promoted is `running` from then on, and nothing is wrong with it.
            let promoted = was.role != member.role && member.role == "leader" && member.state == "running";
            if !promoted {
                self.push(at, node, What::ListState, Some(was.state.clone()), Some(member.state.clone()));
            }
        }
        match (before.paused, after.paused) {
            (false, true) => self.push(at, "cluster", What::MaintenanceBegins, None, None),
            (true, false) => self.push(at, "cluster", What::MaintenanceEnds, None, None),
            _ => {}
        }
    }

    fn replication(
        &mut self,
        at: BootInstant,
        node: &str,
        before: Option<&Streams>,
        after: Option<&Streams>,
    ) {
        let (Some(before), Some(Some(after))) = (before, after) else { return };
        let streams = |standbys: &BTreeMap<String, Streaming>| -> BTreeSet<String> {
            let streaming = standbys.iter().filter(|(_, standby)| standby.state == "streaming");
            streaming.map(|(name, _)| name.clone()).collect()
        };
        let (before, after) = (before.as_ref().map(streams).unwrap_or_default(), streams(after));
        for standby in before.difference(&after) {
            self.push(at, standby, What::StreamingEnds, Some(node.to_owned()), None);
        }
        for standby in after.difference(&before) {
            self.push(at, standby, What::StreamingBegins, None, Some(node.to_owned()));
        }
    }

    fn rest(&mut self, at: BootInstant, node: &str, before: Option<&RestState>, after: Option<&RestState>) {
        let (Some(before), Some(after)) = (before, after) else { return };
        let (from, to) = (Some(rest_in_words(before)), Some(rest_in_words(after)));
        match (before, after) {
            (RestState::Answers { .. }, RestState::Silent(_)) => {
                self.push(at, node, What::RestSilent, from, to);
            }
            (RestState::Silent(_), RestState::Answers { .. }) => {
                self.push(at, node, What::RestAnswers, from, to);
            }
            (
                RestState::Answers { role: was, status: old, .. },
                RestState::Answers { role, status: new, .. },
            ) => {
                if old != new {
                    self.push(at, node, What::RestStatus, Some(old.to_string()), Some(new.to_string()));
                }
                if was != role {
                    self.push(at, node, What::RestRole, Some(was.clone()), Some(role.clone()));
                }
            }
            (RestState::Silent(_), RestState::Silent(_)) => {}
        }
    }

    fn port(&mut self, at: BootInstant, node: &str, before: Option<&PortState>, after: Option<&PortState>) {
        let (Some(before), Some(after)) = (before, after) else { return };
        let what = match (before == &PortState::Accepts, after == &PortState::Accepts) {
            (true, false) => What::PortFails,
            (false, true) => What::PortAccepts,
            _ => return,
        };
        self.push(at, node, what, Some(port_in_words(before)), Some(port_in_words(after)));
    }

    fn inside(
        &mut self,
        at: BootInstant,
        node: &str,
        before: Option<&Option<Inside>>,
        after: Option<&Option<Inside>>,
    ) {
        let (Some(before), Some(after)) = (before, after) else { return };
        let (from, to) = (inside_in_words(before.as_ref()), inside_in_words(after.as_ref()));
        if from == to {
            return;
        }
        let what = match after {
            None => What::PostgresStopped,
            Some(inside) if inside.writable() => What::PostgresWritable,
            Some(_) => What::PostgresReadOnly,
        };
        self.push(at, node, what, Some(from.to_owned()), Some(to.to_owned()));
    }

    fn timeline(
        &mut self,
        at: BootInstant,
        node: &str,
        before: Option<&Option<Inside>>,
        after: Option<&Option<Inside>>,
    ) {
        let Some(Some(inside)) = after else { return };
        if inside.in_recovery || self.timeline.is_some_and(|known| inside.timeline <= known) {
            return;
        }
        // At the first sight of a node its timeline is old news.
        if let (Some(known), Some(_)) = (self.timeline.replace(inside.timeline), before) {
            let (from, to) = (known.to_string(), inside.timeline.to_string());
            self.push(at, node, What::TimelineGrew, Some(from), Some(to));
        }
    }
}

fn text(event: &Event) -> Option<String> {
    event.after.as_str().map(str::to_owned)
}
