//! The cuts of one namespace, as `netsplit status` shows them.

use std::collections::HashMap;

use super::{
    NftError,
    record::{Record, Seat},
    script::{Known, counter},
    table,
};
use crate::{
    backend::CounterSum,
    clock::BootInstant,
    cut::{CutStatus, HookStatus, RuleStatus, known_edges},
};

/// The cuts of the calling thread's namespace, with their counters.
pub(super) fn cuts_of(known: &Known) -> Result<Vec<CutStatus>, NftError> {
    if known.records.is_empty() {
        return Ok(Vec::new());
    }
    let (counters, now) = (table::counters()?, BootInstant::now());
    Ok(known.records.iter().map(|record| cut_status(record, &counters, now)).collect())
}

fn cut_status(record: &Record, counters: &HashMap<String, CounterSum>, now: BootInstant) -> CutStatus {
    let cut = &record.cut;
    let rules = cut.rules.iter().map(|rule| {
        let sum = counters.get(&counter(&cut.id, rule.counter)).copied().unwrap_or_default();
        RuleStatus {
            rule: rule.rule.clone(),
            backend: "nft".to_owned(),
            counter: rule.counter,
            packets: sum.packets,
            bytes: sum.bytes,
            first: sum.first,
            last: sum.last,
        }
    });
    let rules: Vec<_> = rules.collect();
    CutStatus {
        id: cut.id.clone(),
        node: cut.node.clone(),
        target: record.target.clone(),
        description: cut.description.clone(),
        deadline: cut.deadline,
        expired: record.is_over(now),
        hooks: record.seats.iter().map(hook_status).collect(),
        edges: known_edges(cut, &rules),
        rules,
    }
}

fn hook_status(seat: &Seat) -> HookStatus {
    HookStatus {
        interface: seat.interface.clone(),
        hook: seat.hook.in_words().to_owned(),
        mode: seat.hook.family().to_owned(),
    }
}
