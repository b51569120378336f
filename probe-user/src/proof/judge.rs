//! What probes and counters prove of an edge.

use super::{Edge, EdgeVerdict, PlannedEdge, RuleHits};
use crate::{
    policy::Action,
    record::{EdgeProbe, ProbeMet},
};

/// The verdict on each edge.
///
/// An edge that leaked once has leaked. Of probes that prove, the last one speaks.
pub fn edges(planned: &[PlannedEdge], probes: &[EdgeProbe], counters: &[RuleHits]) -> Vec<Edge> {
    planned
        .iter()
        .map(|edge| {
            let alone = planned.iter().filter(|one| one.ruling() == edge.ruling()).count() == 1;
            let packets =
                counters.iter().filter(|one| one.rule == edge.ruling()).map(|one| one.packets).sum();
            let own = probes.iter().filter(|probe| is_of(probe, edge));
            let judged: Vec<_> = own.map(|probe| judge(edge, probe)).collect();
            let worst = judged.iter().rev().find(|(verdict, _)| *verdict == EdgeVerdict::Leaked);
            let best = || judged.iter().rev().min_by_key(|(verdict, _)| *verdict);
            let (verdict, why) =
                worst.or_else(best).cloned().unwrap_or_else(|| unprobed(edge, packets, alone));
            Edge {
                node: edge.node.clone(),
                rule: edge.rule,
                peer: edge.peer.clone(),
                to: edge.aim.as_ref().ok().map(|aim| aim.to),
                verdict,
                why,
            }
        })
        .collect()
}

fn is_of(probe: &EdgeProbe, edge: &PlannedEdge) -> bool {
    let to = edge.aim.as_ref().ok().map(|aim| aim.to);
    (&probe.node, probe.rule, &probe.peer, Some(probe.to)) == (&edge.node, edge.rule, &edge.peer, to)
}

/// What is known of an edge that nobody looked at.
fn unprobed(edge: &PlannedEdge, packets: u64, alone: bool) -> (EdgeVerdict, String) {
    let why_not = match &edge.aim {
        Err(why) => format!("no probe can be made: {why}"),
        Ok(_) => "no probe was made".to_owned(),
    };
    match packets {
        0 => (EdgeVerdict::NoTraffic, format!("nothing was hit, and {why_not}")),
        // What was dropped is gone, and what went on went on; but an answer may get lost.
        _ if alone && !matches!(edge.action, Action::Reject | Action::Reset) => {
            (EdgeVerdict::Confirmed, format!("{packets} packets were hit; {why_not}"))
        }
        _ if alone => (
            EdgeVerdict::NoTraffic,
            format!("{packets} packets were hit; what their senders met is unknown: {why_not}"),
        ),
        _ => (EdgeVerdict::NoTraffic, format!("the rule was hit, and nothing tells whether here; {why_not}")),
    }
}

/// What one probe proves.
fn judge(edge: &PlannedEdge, probe: &EdgeProbe) -> (EdgeVerdict, String) {
    let Ok(aim) = &edge.aim else { return (EdgeVerdict::NoTraffic, "it is not for probes".to_owned()) };
    let met = in_words(&probe.met);
    match &probe.met {
        ProbeMet::Failed(why) => (EdgeVerdict::NoTraffic, format!("the probe could not be made: {why}")),
        ProbeMet::NoWay => {
            (EdgeVerdict::NoTraffic, "the network has no way there, with or without the cut".to_owned())
        }
        ProbeMet::NobodyListens => (
            EdgeVerdict::NoTraffic,
            "nobody listens there, so there is no connection whose packets could be hit".to_owned(),
        ),
        _ if probe.met != aim.expect && aim.tries > 1 => {
            let why = format!(
                "none of {} probes was one of those that the rule hits by chance or at that time",
                aim.tries
            );
            (EdgeVerdict::NoTraffic, why)
        }
        _ if probe.met == aim.expect && probe.hits >= probe.probes => {
            let elsewhere =
                (aim.by != edge.ruling()).then(|| format!(" by rule {} of {}", aim.by.rule + 1, aim.by.node));
            let by = elsewhere.unwrap_or_default();
            (EdgeVerdict::Confirmed, format!("a probe met {met}, and was hit{by}"))
        }
        _ if probe.met == aim.expect => {
            let why = match probe.met {
                ProbeMet::Silence => "packets vanish elsewhere",
                ProbeMet::Late { .. } => "something else is slow",
                _ => "somebody else answers",
            };
            (
                EdgeVerdict::Leaked,
                format!("a probe met {met}, but {}: {why}{}", unhit(probe), way_out(edge, probe)),
            )
        }
        ProbeMet::Passes => {
            let soon = if matches!(aim.expect, ProbeMet::Late { .. }) { " without delay" } else { "" };
            (
                EdgeVerdict::Leaked,
                format!("a probe got through{soon}; {}{}", unhit(probe), way_out(edge, probe)),
            )
        }
        _ => {
            let expected = in_words(&aim.expect);
            let why =
                format!("a probe met {met} instead of {expected}; {}{}", unhit(probe), way_out(edge, probe));
            (EdgeVerdict::Leaked, why)
        }
    }
}

fn unhit(probe: &EdgeProbe) -> String {
    match (probe.hits, probe.probes) {
        (0, _) => "the rule was not hit".to_owned(),
        (hits, probes) if hits < probes => format!("the rule was hit {hits} times by {probes} probes"),
        (hits, _) => format!("the rule was hit {hits} times"),
    }
}

/// What users meet most: packets that come in where no rule holds, and rules behind one that accepts.
fn way_out(edge: &PlannedEdge, probe: &EdgeProbe) -> String {
    let missed = probe.hits < probe.probes;
    if missed && !edge.interfaces.is_empty() {
        let named = edge.interfaces.join(", ");
        return format!(
            ". The rule holds on {named} alone, and these packets take another interface: leave `interfaces` out, or \
             name theirs (`ip route get {}`)",
            probe.to.ip()
        );
    }
    if missed {
        return ". The rule holds on the interfaces that were up when it was applied: if one came later, apply anew. If \
                netfilter enforces it, a rule before it accepts these packets (one for ESTABLISHED, often): use \
                `--backend xdp` or `tc`, which judge before netfilter does"
            .to_owned();
    }
    String::new()
}

/// What a probe met, in words.
pub(super) fn in_words(met: &ProbeMet) -> &'static str {
    match met {
        ProbeMet::Passes => "no fault",
        ProbeMet::Late { .. } => "an answer as late as the rule says",
        ProbeMet::Silence => "silence",
        ProbeMet::Reset => "a RST",
        ProbeMet::Rejected => "ICMP port unreachable",
        ProbeMet::NobodyListens => "nobody",
        ProbeMet::NoWay => "no way there",
        ProbeMet::Failed(_) => "an error",
    }
}

#[cfg(test)]
mod tests;
