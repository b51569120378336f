//! The cluster as it is now, since when it is so, and what changed.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use jiff::{SignedDuration, Zoned};

use super::{
    changes::{Change, Changes},
    cuts::{CutRow, Cuts},
    wal::{Positions, lag},
    writes::Writes,
};
use crate::{
    clock::BootInstant,
    cluster::Inventory,
    cut::CutStatus,
    record::{Event, Follower, Kind, LeaderLease, PortState, Source, Transition, View},
};

/// This moment, on both clocks.
#[derive(Clone, Debug)]
pub struct Now {
    /// For arithmetic.
    pub boot: BootInstant,
    /// For people, in their time zone.
    pub wall: Zoned,
}

impl Now {
    /// An earlier or later moment as people have it.
    pub fn wall_of(&self, at: BootInstant) -> Zoned {
        let span = |time: Duration| SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        let shift = if at > self.boot {
            self.wall.checked_add(span(at.since(self.boot)))
        } else {
            self.wall.checked_sub(span(self.boot.since(at)))
        };
        shift.unwrap_or_else(|_| self.wall.clone())
    }
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Patroni's scope.
    pub scope: String,
    /// The lab's name, where it is one.
    pub lab: Option<String>,
    /// The nodes, in the inventory's order.
    pub nodes: Vec<String>,
    /// Whether there is an `HAProxy`.
    pub haproxy: bool,
    /// Whether the client writes.
    pub writes: bool,
}

/// Everything that the screen shows.
#[derive(Clone, Debug)]
pub struct Seen {
    pub(super) watched: Watched,
    pub(super) start: BootInstant,
    follower: Follower,
    /// Since when something does not answer, or is down.
    ill: BTreeMap<(Kind, String), BootInstant>,
    positions: BTreeMap<String, Positions>,
    lease: Option<LeaderLease>,
    pub(super) writes: Writes,
    pub(super) cuts: Cuts,
    changes: Changes,
    /// Since when there is no place to look from.
    pub(super) gone: Option<BootInstant>,
}

impl Seen {
    /// Nothing was seen yet. `writes`: whether the client writes.
    pub fn new(inventory: &Inventory, writes: bool, start: BootInstant) -> Self {
        let mut seen = Self {
            watched: watched(inventory, writes),
            start,
            follower: Follower::new(start),
            ill: BTreeMap::new(),
            positions: BTreeMap::new(),
            lease: None,
            writes: Writes::default(),
            cuts: Cuts::default(),
            changes: Changes::default(),
            gone: None,
        };
        seen.cuts.concern(inventory);
        seen
    }

    /// The cluster was made anew: from here on this inventory says who is in it.
    pub fn anew(&mut self, inventory: &Inventory) {
        self.watched = watched(inventory, self.watched.writes);
        self.cuts.concern(inventory);
        self.gone = None;
    }

    /// There is no place to look from any more.
    pub fn place_is_gone(&mut self, at: BootInstant) {
        self.gone.get_or_insert(at);
    }

    /// Takes an event in.
    pub fn take(&mut self, event: &Event) {
        self.follower.take(event);
        let (at, node) = (event.boot_ns, event.node.clone().unwrap_or_default());
        let ill = match event.kind {
            Kind::Rest => Some(self.view().rest.get(&node).is_some_and(|rest| rest.status().is_none())),
            Kind::Port => Some(self.view().ports.get(&node).is_some_and(|port| *port != PortState::Accepts)),
            Kind::Inside => Some(self.view().inside.get(&node).is_some_and(Option::is_none)),
            Kind::EtcdReachable => Some(self.view().etcd == Some(false)),
            Kind::LeaderKey => Some(self.view().holder().is_none()),
            Kind::Server => {
                // It answers.
                self.ill.remove(&(Kind::Trouble, String::new()));
                Some(!self.view().up_somewhere(&node))
            }
            _ => None,
        };
        match ill {
            Some(true) => drop(self.ill.entry((event.kind, node)).or_insert(at)),
            Some(false) => drop(self.ill.remove(&(event.kind, node))),
            None => self.take_other(event, node),
        }
    }

    fn take_other(&mut self, event: &Event, node: String) {
        match event.kind {
            Kind::Lsn => {
                if let Some(text) = event.after.as_str() {
                    self.positions.entry(node).or_default().take(event.boot_ns, text);
                }
            }
            Kind::Lease => self.lease = event.after_as(),
            Kind::Write => self.writes.take(event),
            Kind::Trouble => {
                if event.source == Source::Haproxy {
                    self.ill.entry((Kind::Trouble, String::new())).or_insert(event.boot_ns);
                }
                self.changes.trouble(event);
            }
            _ => {}
        }
    }

    /// Takes in what the kernel says of cuts, or why it does not.
    pub fn take_cuts(&mut self, now: &Now, outcome: Result<Vec<CutStatus>, String>) {
        for event in self.cuts.take(now, outcome) {
            self.take(&event);
        }
    }

    /// The transitions that are new and sure.
    pub fn changed(&mut self, now: BootInstant) -> Vec<Transition> {
        let settled = self.follower.settled(now);
        for transition in &settled {
            self.changes.push(transition.into());
        }
        settled
    }

    /// What changed so far, the newest at the end.
    pub fn changes(&self) -> &VecDeque<Change> {
        self.changes.kept()
    }

    /// How many changes there were in all, those that were forgotten included.
    pub fn told(&self) -> u64 {
        self.changes.told()
    }

    /// What is looked at.
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// How long it is looked at.
    pub fn age(&self, now: BootInstant) -> Duration {
        now.since(self.start)
    }

    /// The cluster as it was last seen.
    pub fn view(&self) -> &View {
        self.follower.view()
    }

    /// What the cluster lacks, in words.
    pub fn lacks(&self) -> Vec<String> {
        let names: Vec<&str> = self.watched.nodes.iter().map(String::as_str).collect();
        self.view().lacks(&names)
    }

    /// Whether every node was looked at, and etcd.
    pub fn complete(&self) -> bool {
        let view = self.view();
        let seen = |node: &String| view.rest.contains_key(node) && view.ports.contains_key(node);
        view.etcd.is_some() && self.watched.nodes.iter().all(seen)
    }

    /// The rules in force.
    pub fn cut_rows(&self) -> Vec<CutRow> {
        self.cuts.rows()
    }

    /// How long something does not answer or is down; of etcd, the leader key and `HAProxy` the node is empty.
    pub(super) fn ill_for(&self, kind: Kind, node: &str, now: BootInstant) -> Option<Duration> {
        self.ill.get(&(kind, node.to_owned())).map(|since| now.since(*since))
    }

    /// The nodes of the inventory, and behind them members that it does not name.
    pub(super) fn nodes(&self) -> Vec<String> {
        let view = self.view();
        let strangers =
            view.members.iter().filter(|(name, key)| key.is_some() && !self.watched.nodes.contains(name));
        self.watched.nodes.iter().chain(strangers.map(|(name, _)| name)).cloned().collect()
    }

    /// The lease of the leader key, if it is that of whoever leads.
    pub(super) fn lease(&self) -> Option<&LeaderLease> {
        self.lease.as_ref().filter(|lease| self.view().holder() == Some(&lease.holder))
    }

    /// The node that standbys are compared with: who leads, and is writable; else the only one that is writable.
    pub(super) fn primary(&self) -> Option<String> {
        let writable = self.view().writable();
        let leads = |node: &&String| self.view().holder() == Some(node.as_str());
        match (writable.iter().find(leads), writable.as_slice()) {
            (Some(leader), _) => Some(leader.clone()),
            (None, [only]) => Some(only.clone()),
            _ => None,
        }
    }

    /// The bytes of WAL that a standby lacks; `None` where that is not known, or it is no standby.
    pub(super) fn lag(&self, node: &str, now: BootInstant) -> Option<u64> {
        self.view().inside.get(node)?.as_ref().filter(|inside| inside.in_recovery)?;
        lag(self.positions.get(&self.primary()?)?, self.positions.get(node)?, now)
    }
}

fn watched(inventory: &Inventory, writes: bool) -> Watched {
    Watched {
        scope: inventory.scope.clone(),
        lab: inventory.lab.as_ref().map(|lab| lab.name.clone()),
        nodes: inventory.nodes.iter().map(|node| node.name.clone()).collect(),
        haproxy: inventory.haproxy.is_some(),
        writes,
    }
}
