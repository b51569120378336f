//! What is known of a cut's edges, kept in the kernel beside its rules.

use super::{CutError, CutId, RuleStatus, revert::busy};
use crate::{
    backend::datapath::CutRecord,
    proof::{Edge, RuleHits, Ruling, edges},
    record::EdgeProbe,
};

/// The edges of one node's part of a cut, as far as its probes and counters tell.
pub(crate) fn known_edges(cut: &CutRecord, rules: &[RuleStatus]) -> Vec<Edge> {
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
    if probes.is_empty() {
        return Ok(());
    }
    let mut failed = None;
    for enforcer in busy() {
        let turn = enforcer.turn(&[])?;
        let mut here = false;
        for mut site in turn.sites()? {
            match site.note(id, probes) {
                Ok(found) => here |= found,
                // Another netsplit's, perhaps: it may hold the cut or not.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        // One enforcer has all of a cut.
        if here {
            break;
        }
    }
    failed.map_or(Ok(()), Err)
}
