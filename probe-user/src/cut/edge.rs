//! What is known of a cut's edges, kept in the kernel beside its rules.

use super::{CutError, CutId, RuleStatus, apply::compile_journal};
use crate::{
    backend::datapath::{CutRecord, Datapath, Lock},
    cluster::Target,
    proof::{Edge, RuleHits, Ruling, edges},
    record::EdgeProbe,
};

/// The edges of one node's part of a cut, as far as its probes and counters tell.
pub(super) fn known(cut: &CutRecord, rules: &[RuleStatus]) -> Vec<Edge> {
    let counters: Vec<_> = rules
        .iter()
        .map(|rule| RuleHits {
            rule: Ruling { node: cut.node.clone(), rule: rule.rule.origin },
            packets: rule.packets,
        })
        .collect();
    edges(&cut.edges, &cut.probes, &counters)
}

/// Keeps what probes met with the cut, for `netsplit status`. A cut that is gone meanwhile has nothing to keep it for.
pub fn remember(id: &CutId, probes: &[EdgeProbe]) -> Result<(), CutError> {
    let lock = Lock::exclusive()?;
    for datapath in Datapath::all()? {
        let mut journal = match datapath.journal() {
            Err(_) if !datapath.is_whole() => continue,
            other => other?,
        };
        let Some(cut) = journal.cuts.iter_mut().find(|cut| cut.id == *id) else { continue };
        let of_node = probes.iter().filter(|probe| probe.node == cut.node);
        let before = cut.probes.len();
        cut.probes.extend(of_node.cloned());
        if cut.probes.len() == before {
            continue;
        }
        // The journal switches banks together with the rules: the same ones once more.
        let target = datapath.installation()?.target.unwrap_or(Target::Local);
        let at = CutError::at(&target);
        let tables = compile_journal(&target, &journal)?;
        datapath.stage(&lock, &tables, &journal).map_err(&at)?;
        datapath.commit(&lock).map_err(&at)?;
    }
    Ok(())
}
