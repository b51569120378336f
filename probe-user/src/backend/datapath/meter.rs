//! The counters of a cut, with the packets that the programs tell of.

use std::{collections::HashMap, fmt};

use super::{CutRecord, Datapath, DatapathError, DatapathLog, HitReader, Lock, remove_root_if_empty};
use crate::{
    backend::{Meter, Reading},
    cut::{CutError, CutId},
    policy::PlannedRule,
};

/// A node under a cut, whose programs tell of hits meanwhile.
pub(super) struct HitMeter {
    datapath: Datapath,
    record: CutRecord,
    hits: HitReader,
    log: Option<DatapathLog>,
}

impl HitMeter {
    /// One for each node of the cut.
    pub(super) fn all_of(cut: &CutId) -> Result<Vec<Box<dyn Meter>>, CutError> {
        let lock = Lock::exclusive()?;
        let mut meters: Vec<Box<dyn Meter>> = Vec::new();
        for datapath in Datapath::all()? {
            let Some(record) = datapath.journal()?.cuts.into_iter().find(|record| record.id == *cut) else {
                continue;
            };
            datapath.set_recording(&lock, true)?;
            let (hits, log) = (datapath.hits()?, datapath.log()?);
            meters.push(Box::new(Self { datapath, record, hits, log }));
        }
        Ok(meters)
    }
}

impl Meter for HitMeter {
    fn node(&self) -> &str {
        &self.record.node
    }

    fn rules(&self) -> Vec<(u32, PlannedRule)> {
        self.record.rules.iter().map(|record| (record.counter, record.rule.clone())).collect()
    }

    fn read(&mut self) -> Result<Reading, CutError> {
        if let Some(log) = &mut self.log {
            log.flush();
        }
        let mut examples = HashMap::new();
        self.hits.drain(|hit| {
            examples.entry(hit.counter).or_insert(*hit);
        });
        let counters = self.record.rules.iter().map(|record| record.counter);
        let sums = counters
            .map(|counter| Ok((counter, self.datapath.counter(counter)?)))
            .collect::<Result<_, DatapathError>>()?;
        Ok(Reading { sums, examples })
    }

    /// The programs need not tell what nobody reads.
    fn stop(&mut self) {
        let stopped = Lock::exclusive().and_then(|lock| {
            let stopped = self.datapath.set_recording(&lock, false);
            remove_root_if_empty(&lock);
            stopped
        });
        if let Err(error) = stopped {
            tracing::debug!(%error, "the datapath goes on telling of hits; it costs a little and does no harm");
        }
    }
}

impl fmt::Debug for HitMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HitMeter").field("cut", &self.record.id).finish_non_exhaustive()
    }
}
