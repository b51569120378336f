//! What a record proves of the cuts, and how reports tell it.

use super::{CutRecord, RunResult};
use crate::{
    proof::{Edge, EdgeVerdict, PlannedEdge, RuleHits, Ruling, edges},
    record::EdgeProbe,
};

/// Gives each cut record its edges, and what of its hits may have been probes. `origins` are the records' rules, and
/// `planned` the edges with their cuts' ids.
pub(super) fn prove(
    records: &mut [CutRecord],
    origins: &[usize],
    planned: &[(String, PlannedEdge)],
    probes: &[EdgeProbe],
) {
    for (record, &rule) in records.iter_mut().zip(origins) {
        let ruling = Ruling { node: record.node.clone(), rule };
        let of_cut: Vec<_> = probes.iter().filter(|probe| probe.cut == record.cut).cloned().collect();
        let here = planned.iter().filter(|(cut, edge)| *cut == record.cut && edge.ruling() == ruling);
        let here: Vec<_> = here.map(|(_, edge)| edge.clone()).collect();
        let by = |probe: &EdgeProbe| {
            planned.iter().any(|(cut, edge)| {
                let aimed = edge.aim.as_ref().is_ok_and(|aim| aim.to == probe.to && aim.by == ruling);
                aimed && *cut == probe.cut && edge.ruling() == probe.ruling() && edge.peer == probe.peer
            })
        };
        let own: u64 = of_cut.iter().filter(|probe| by(probe)).map(|probe| probe.own_hits).sum();
        record.of_probes = own.min(record.packets);
        record.edges = edges(&here, &of_cut, &[RuleHits { rule: ruling, packets: record.packets }]);
    }
}

/// Why the cut of this name is no cut, if an edge of it leaked.
pub(super) fn leak(records: &[CutRecord], name: &str) -> Option<String> {
    let edges = records.iter().filter(|record| record.name == name).flat_map(|record| &record.edges);
    let leaked: Vec<_> = edges.filter(|edge| edge.verdict == EdgeVerdict::Leaked).collect();
    let first = leaked.first()?;
    let more = if leaked.len() > 1 { format!(", and {} more", leaked.len() - 1) } else { String::new() };
    Some(format!("`{name}` leaked on {first}{more}: {}", first.why))
}

/// All edges of a run, each with its rule in words.
pub(super) fn rows(result: &RunResult) -> impl Iterator<Item = (&str, &Edge)> {
    result.cuts.iter().flat_map(|cut| cut.edges.iter().map(|edge| (cut.rule.as_str(), edge)))
}
