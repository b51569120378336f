//! What a holder is told: which packets, and how long.

use std::path::PathBuf;

use probe_ebpf::abi::{LaneKey, Way};
use serde::{Deserialize, Serialize};

use crate::{
    backend::datapath::RuleRecord,
    policy::{Action, Delay, Direction},
};

/// The work of one holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Orders {
    /// The folder of the datapath's pins.
    pub pins: PathBuf,
    /// The process whose network namespace keeps the device's open end: the node's own is not to live on because of it.
    pub starter: u32,
    /// What it holds; the VLAN identifiers are their places, from 1.
    pub lanes: Vec<LaneOrder>,
}

/// A rule's packets, as they are met on one interface and one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct LaneOrder {
    /// The rule's counter.
    pub counter: u32,
    /// The interface.
    pub ifindex: u32,
    /// Whether they leave; they arrive otherwise.
    pub leaving: bool,
    /// How much later they go on.
    pub delay: Delay,
    /// Where the jitter begins.
    pub seed: u64,
}

impl LaneOrder {
    /// Its key in `LANES`.
    pub(super) fn key(&self) -> LaneKey {
        LaneKey { counter: self.counter, ifindex: self.ifindex, way: self.way() as u32 }
    }

    /// Which way its packets go.
    pub(super) const fn way(&self) -> Way {
        if self.leaving { Way::Egress } else { Way::Ingress }
    }
}

/// What one rule wants held on these interfaces: nothing, unless it delays.
pub(in super::super) fn lanes_of(record: &RuleRecord, on: &[u32]) -> Vec<LaneOrder> {
    let rule = &record.rule;
    let (Action::Delay, Some(delay)) = (rule.action, rule.delay) else { return Vec::new() };
    let ways: &[bool] = match rule.direction {
        Direction::In => &[false],
        Direction::Out => &[true],
        Direction::Both => &[false, true],
    };
    let seed = rule.narrowing.seed.map_or(0, |seed| seed.0);
    let lane = |ifindex, leaving| LaneOrder { counter: record.counter, ifindex, leaving, delay, seed };
    on.iter().flat_map(|&ifindex| ways.iter().map(move |&leaving| lane(ifindex, leaving))).collect()
}
