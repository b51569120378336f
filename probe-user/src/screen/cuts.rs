//! The cuts in force, and what changed among them from one look at the kernel to the next.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::Now;
use crate::{
    clock::BootInstant,
    cluster::{Inventory, Target},
    cut::{CutStatus, RuleStatus},
    proof::EdgeVerdict,
    record::{Applied, Event, HitSummary, Kind, Reverted, Source, rule_in_words},
};

/// A rule in force on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutRow {
    /// The cut's id.
    pub cut: String,
    /// The node's name.
    pub node: String,
    /// The rule in words.
    pub rule: String,
    /// Packets hit.
    pub packets: u64,
    /// The last hit; nft does not tell.
    pub last: Option<BootInstant>,
    /// When the kernel ends it.
    pub deadline: BootInstant,
    /// Who enforces it: `xdp`, `tc` or `nft`.
    pub backend: String,
    /// Whether packets get through that the rule should hit.
    pub leaks: bool,
}

/// What is known of the cuts.
#[derive(Clone, Debug, Default)]
pub(super) struct Cuts {
    /// The cluster's nodes, in its order.
    places: Vec<(Target, String)>,
    /// Each node's part of each cut in force, by node and id.
    parts: BTreeMap<(usize, String), CutStatus>,
    /// Cuts in force on none of these nodes.
    pub(super) elsewhere: usize,
    /// When the kernel last told.
    pub(super) told: Option<BootInstant>,
    /// Why it does not.
    pub(super) unseen: Option<String>,
}

impl Cuts {
    /// Cuts are shown of these nodes.
    pub(super) fn concern(&mut self, inventory: &Inventory) {
        self.places =
            inventory.nodes.iter().map(|node| (node.transport.clone(), node.name.clone())).collect();
        self.parts.clear();
        self.told = None;
    }

    /// Takes in what the kernel says at this moment, or why it does not. Gives the changes as events; what is in force at
    /// the first look is where it starts from.
    pub(super) fn take(&mut self, now: &Now, outcome: Result<Vec<CutStatus>, String>) -> Vec<Event> {
        let cuts = match outcome {
            Ok(cuts) => cuts,
            Err(why) => {
                self.unseen = Some(why);
                return Vec::new();
            }
        };
        self.unseen = None;
        let at = now.boot;
        let (mut parts, mut elsewhere) = (BTreeMap::new(), Vec::new());
        for part in cuts.into_iter().filter(|cut| !cut.expired && cut.deadline > at) {
            match self.places.iter().position(|(target, _)| *target == part.target) {
                Some(place) => drop(parts.insert((place, part.id.to_string()), part)),
                None => elsewhere.push(part.id.to_string()),
            }
        }
        elsewhere.sort_unstable();
        elsewhere.dedup();
        elsewhere.retain(|id| !parts.keys().any(|(_, ours)| ours == id));
        self.elsewhere = elsewhere.len();
        let before = std::mem::replace(&mut self.parts, parts);
        if self.told.replace(at).is_none() {
            return Vec::new();
        }
        let mut events = Vec::new();
        for (key, part) in &before {
            if !self.parts.contains_key(key) {
                let ended = part.deadline <= at;
                let why = if ended { "lease" } else { "revert" }.to_owned();
                let rules = part.rules.iter().map(|rule| summary(part, rule)).collect();
                let reverted = Reverted { cut: part.id.to_string(), why, rules };
                let moment = if ended { part.deadline } else { at };
                events.push(self.event(now, key.0, moment, Kind::Reverted, &reverted));
            }
        }
        for (key, part) in &self.parts {
            let was = before.get(key);
            if was.is_none() {
                events.push(self.event(now, key.0, at, Kind::Applied, &applied(part)));
            }
            let hit = |part: &CutStatus| part.rules.iter().any(|rule| rule.packets > 0);
            if !was.is_some_and(hit)
                && let Some(rule) =
                    part.rules.iter().filter(|rule| rule.packets > 0).min_by_key(|rule| rule.first)
            {
                events.push(self.event(now, key.0, at, Kind::Hit, &summary(part, rule)));
            }
        }
        events
    }

    /// Every rule in force, by node.
    pub(super) fn rows(&self) -> Vec<CutRow> {
        let rows = self.parts.iter().flat_map(|((place, _), part)| {
            part.rules.iter().map(|rule| CutRow {
                cut: part.id.to_string(),
                node: self.places[*place].1.clone(),
                rule: rule_in_words(&rule.rule),
                packets: rule.packets,
                last: rule.last,
                deadline: part.deadline,
                backend: rule.backend.clone(),
                leaks: part
                    .edges
                    .iter()
                    .any(|edge| edge.rule == rule.rule.origin && edge.verdict == EdgeVerdict::Leaked),
            })
        });
        rows.collect()
    }

    /// How old the counters are, once that is worth a word.
    pub(super) fn stale(&self, now: BootInstant) -> Option<Duration> {
        let age = now.since(self.told?);
        (age >= Duration::from_secs(4)).then_some(age)
    }

    fn event(&self, now: &Now, place: usize, at: BootInstant, kind: Kind, after: &impl Serialize) -> Event {
        Event {
            wall: now.wall_of(at).timestamp(),
            boot_ns: at,
            line: None,
            node: Some(self.places[place].1.clone()),
            source: Source::Cut,
            kind,
            before: serde_json::Value::Null,
            after: serde_json::to_value(after).unwrap_or_default(),
        }
    }
}

fn applied(part: &CutStatus) -> Applied {
    Applied {
        cut: part.id.to_string(),
        deadline: part.deadline,
        backend: part.rules.first().map(|rule| rule.backend.clone()).unwrap_or_default(),
        hooks: part.hooks.iter().map(ToString::to_string).collect(),
        rules: part.rules.iter().map(|rule| rule.rule.clone()).collect(),
        edges: Vec::new(),
        closed_sockets: None,
    }
}

fn summary(part: &CutStatus, rule: &RuleStatus) -> HitSummary {
    HitSummary {
        cut: part.id.to_string(),
        rule: rule.rule.origin,
        action: rule.rule.action,
        packets: rule.packets,
        bytes: rule.bytes,
        first: rule.first,
        last: rule.last,
        example: None,
    }
}
