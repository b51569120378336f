//! A round: one probe on each edge, and the rules' counters around them.

use std::{collections::HashMap, thread};

use super::socket::probe;
use crate::{
    clock::BootInstant,
    cluster::within,
    cut::{CutError, CutId, parts_of},
    proof::{Aim, PlannedEdge, RuleHits, Ruling},
    record::{EdgeProbe, ProbeMet},
};

/// How many probes are under way together.
const AT_ONCE: usize = 32;

/// How many probes a round has at most: a plan with more edges is tried on its first ones, within some seconds.
const MOST: usize = 256;

/// How often each rule of a cut was hit so far; `None` if nobody can say.
pub fn hits_of(cut: &CutId) -> Option<Vec<RuleHits>> {
    let unread = |error: &CutError| tracing::warn!(%error, "the counters of {cut} cannot be read");
    let hits = parts_of(cut)
        .inspect_err(unread)
        .ok()?
        .into_iter()
        .flat_map(|part| {
            let node = part.node;
            part.rules.into_iter().map(move |rule| RuleHits {
                rule: Ruling { node: node.clone(), rule: rule.rule.origin },
                packets: rule.packets,
            })
        })
        .collect();
    Some(hits)
}

/// Makes a probe on each edge that can be probed, and says what each met.
pub fn probe_edges(
    cut: &CutId,
    edges: &[PlannedEdge],
    hits: impl Fn() -> Option<Vec<RuleHits>>,
) -> Vec<EdgeProbe> {
    let aimed: Vec<_> =
        edges.iter().filter_map(|edge| Some((edge, edge.aim.as_ref().ok()?))).take(MOST).collect();
    aimed.chunks(AT_ONCE).flat_map(|some| at_once(cut, some, &hits)).collect()
}

fn at_once(
    cut: &CutId,
    edges: &[(&PlannedEdge, &Aim)],
    hits: &impl Fn() -> Option<Vec<RuleHits>>,
) -> Vec<EdgeProbe> {
    let before = hits().map(by_rule);
    let began = BootInstant::now();
    let met: Vec<ProbeMet> = thread::scope(|scope| {
        let probes: Vec<_> =
            edges.iter().map(|(_, aim)| scope.spawn(|| within(&aim.from, || probe(aim)))).collect();
        let ended = probes.into_iter().map(|probe| match probe.join() {
            Ok(Ok(met)) => met,
            Ok(Err(error)) => ProbeMet::Failed(error.to_string()),
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect()
    });
    let after = hits().map(by_rule);
    let counts = before.zip(after);
    let of = |counts: &HashMap<_, u64>, aim: &Aim| counts.get(&aim.by).copied().unwrap_or(0);
    let counted =
        |aim: &Aim| counts.as_ref().map(|(before, after)| of(after, aim).saturating_sub(of(before, aim)));
    let probe = |((edge, aim), met): (&(&PlannedEdge, &Aim), ProbeMet)| EdgeProbe {
        cut: cut.to_string(),
        node: edge.node.clone(),
        rule: edge.rule,
        peer: edge.peer.clone(),
        to: aim.to,
        began,
        met: if counts.is_some() {
            met
        } else {
            ProbeMet::Failed("no counter of the cut can be read".to_owned())
        },
        hits: counted(aim).unwrap_or(0),
        probes: edges.iter().filter(|(_, other)| other.by == aim.by).count() as u64,
        own_hits: aim.own_hits * u64::from(aim.tries),
    };
    edges.iter().zip(met).map(probe).collect()
}

/// One rule may be enforced in several places: its counters are added up.
fn by_rule(hits: Vec<RuleHits>) -> HashMap<Ruling, u64> {
    hits.into_iter().fold(HashMap::new(), |mut sums, one| {
        *sums.entry(one.rule).or_default() += one.packets;
        sums
    })
}
