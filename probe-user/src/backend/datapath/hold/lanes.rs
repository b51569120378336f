//! The maps by which the programs find a holder.

use std::{collections::BTreeSet, time::Duration};

use aya::maps::{Array, HashMap, MapData, MapError};
use probe_ebpf::abi::{Lane, LaneKey, Origin, Return};

use super::{Ending, Orders};
use crate::{
    backend::datapath::{DatapathError, Pins, banks},
    clock::BootInstant,
};

const LANES: &str = "LANES";
const ORIGINS: &str = "ORIGINS";
const HELD_UNTIL: &str = "HELD_UNTIL";

/// How long the holder's word is good for.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// A holder's part of the maps.
pub(super) struct Lanes {
    ways_out: HashMap<MapData, LaneKey, Lane>,
    origins: HashMap<MapData, Return, Origin>,
    held_until: Array<MapData, u64>,
    ours: Vec<(LaneKey, Lane)>,
}

impl Lanes {
    /// Shows the programs where the packets of these orders go, and go on.
    pub(super) fn lay(pins: &Pins, orders: &Orders, device: u32) -> Result<Self, DatapathError> {
        let mut ways_out = banks::hash::<LaneKey, Lane>(pins, LANES)?;
        let mut origins = banks::hash::<Return, Origin>(pins, ORIGINS)?;
        let held_until = banks::array::<u64>(pins, HELD_UNTIL)?;
        let mut ours = Vec::new();
        for (tag, order) in (1..).zip(&orders.lanes) {
            let (key, lane) = (order.key(), Lane { device, tag });
            let origin = Origin { ifindex: order.ifindex, way: order.way() as u32 };
            origins.insert(lane, origin, 0).map_err(banks::written(ORIGINS))?;
            ways_out.insert(key, lane, 0).map_err(banks::written(LANES))?;
            ours.push((key, lane));
        }
        Ok(Self { ways_out, origins, held_until, ours })
    }

    /// Says that the packets of these lanes are held, for a while.
    pub(super) fn vouch(&mut self) -> Result<(), DatapathError> {
        let until_ns = (BootInstant::now() + GOOD_FOR).ns;
        let counters: BTreeSet<u32> = self.ours.iter().map(|(key, _)| key.counter).collect();
        counters.into_iter().try_for_each(|counter| {
            self.held_until.set(counter, until_ns, 0).map_err(banks::written(HELD_UNTIL))
        })
    }

    /// Whether nobody has taken the lanes away.
    pub(super) fn are_there(&self) -> bool {
        self.ours.iter().all(|(key, lane)| self.ways_out.get(key, 0).is_ok_and(|found| found == *lane))
    }

    /// Takes them away.
    pub(super) fn clear(&mut self) {
        for (key, lane) in &self.ours {
            // Gone already, or another cut's by now.
            if self.ways_out.get(key, 0).is_ok_and(|found| found == *lane) {
                let _ = self.ways_out.remove(key);
            }
            let _ = self.origins.remove(lane);
        }
    }
}

/// Takes the lanes of the rules with these counters away, and says who held their packets.
pub(in super::super) fn take(pins: &Pins, concerned: impl Fn(u32) -> bool) -> Result<Ending, DatapathError> {
    let mut lanes = banks::hash::<LaneKey, Lane>(pins, LANES)?;
    let keys: Vec<_> = lanes.keys().filter_map(Result::ok).filter(|key| concerned(key.counter)).collect();
    let mut devices = Ending::new();
    for key in keys {
        match lanes.get(&key, 0) {
            Ok(lane) => devices.insert(lane.device),
            // Its holder was quicker.
            Err(MapError::KeyNotFound) => continue,
            Err(source) => return Err(banks::read(LANES)(source)),
        };
        match lanes.remove(&key) {
            Ok(()) | Err(MapError::KeyNotFound) => {}
            Err(source) => return Err(banks::written(LANES)(source)),
        }
    }
    Ok(devices)
}

/// Forgets what a holder that was killed may have left under these counters.
pub(in super::super) fn clear(pins: &Pins, counters: &[u32]) -> Result<(), DatapathError> {
    take(pins, |counter| counters.contains(&counter))?;
    let mut held_until = banks::array::<u64>(pins, HELD_UNTIL)?;
    counters.iter().try_for_each(|&counter| held_until.set(counter, 0, 0).map_err(banks::written(HELD_UNTIL)))
}
