//! The counters of a cut. netfilter tells of no packet and of no moment: a first hit is as late as the look at it.

use std::{collections::HashMap, path::PathBuf};

use super::{enforcer::inside, record::Record, script::counter, table};
use crate::{
    backend::{CounterSum, Meter, Reading},
    clock::BootInstant,
    cluster::Target,
    cut::CutError,
    policy::PlannedRule,
};

/// A node under a cut, looked at again and again.
#[derive(Debug)]
pub(super) struct CounterMeter {
    file: PathBuf,
    record: Record,
    seen: HashMap<u32, CounterSum>,
}

impl CounterMeter {
    pub(super) fn new(file: PathBuf, record: Record) -> Self {
        Self { file, record, seen: HashMap::new() }
    }
}

impl Meter for CounterMeter {
    fn node(&self) -> &str {
        &self.record.cut.node
    }

    fn rules(&self) -> Vec<(u32, PlannedRule)> {
        self.record.cut.rules.iter().map(|record| (record.counter, record.rule.clone())).collect()
    }

    fn read(&mut self) -> Result<Reading, CutError> {
        let counters = inside(&self.file, table::counters)
            .map_err(|source| CutError::Nft { target: Target::Local, source: Box::new(source) })?
            .unwrap_or_default();
        let now = BootInstant::now();
        for rule in &self.record.cut.rules {
            let Some(sum) = counters.get(&counter(&self.record.cut.id, rule.counter)) else { continue };
            let seen = self.seen.entry(rule.counter).or_default();
            if sum.packets > seen.packets {
                let first = seen.first.or(Some(now));
                *seen = CounterSum { first, last: Some(now), ..*sum };
            }
        }
        Ok(Reading { sums: self.seen.clone(), examples: HashMap::new() })
    }

    fn stop(&mut self) {}
}
