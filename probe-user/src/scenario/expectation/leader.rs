//! Expectations about the leader key.

use super::{Evidence, Finding, NodeRef, Verdict, Window};
use crate::{
    record::{View, What},
    scenario::Expression,
};

/// The leader key was lost, or moved.
pub(super) fn lost(evidence: &Evidence<'_>, window: &Window) -> Finding {
    let Some(leader) = &evidence.leader else { return nobody("leader lost") };
    let what = format!("{leader} loses the leader key");
    window.judge_first(&what, evidence, |from| {
        let found = evidence.transitions.iter().find(|transition| {
            transition.at >= from && matches!(transition.what, What::LeaderLost | What::LeaderMoved)
        });
        found.map(|transition| transition.at)
    })
}

/// Another node held the leader key.
pub(super) fn elected(evidence: &Evidence<'_>, window: &Window) -> Finding {
    let Some(leader) = &evidence.leader else { return nobody("new leader") };
    let what = format!("another leader than {leader}");
    let found = |from| {
        evidence.transitions.iter().find(|transition| {
            transition.at >= from
                && matches!(transition.what, What::LeaderElected | What::LeaderMoved)
                && transition.to.as_ref() != Some(leader)
        })
    };
    let mut finding = window.judge_first(&what, evidence, |from| found(from).map(|elected| elected.at));
    if let (Some(at_s), Some(holder)) = (finding.at_s, &evidence.new_leader) {
        let same = evidence
            .transitions
            .iter()
            .any(|t| t.at_s.total_cmp(&at_s).is_eq() && t.to.as_ref() == Some(holder));
        if same {
            finding.observed = format!("{holder} {}", finding.observed);
        }
    }
    finding
}

/// The same node held the leader key from the first cut on: so long after the zero, or to the end.
pub(super) fn unchanged(evidence: &Evidence<'_>, length: Option<&Expression>) -> Finding {
    let Some(leader) = &evidence.leader else { return nobody("leader unchanged") };
    let (expected, to) = match (length.map(|length| evidence.span(length)).transpose(), evidence.zero) {
        (Err(error), _) => return Finding::new(Verdict::Error, "leader unchanged", error.to_string()),
        (Ok(Some(length)), Some(zero)) => {
            let expected = format!("{leader} holds the leader key for {:.1} s", length.as_secs_f64());
            (expected, zero.at + length)
        }
        _ => (format!("{leader} holds the leader key throughout"), evidence.end),
    };
    let from = evidence.first_cut.unwrap_or_default();
    let change = evidence.transitions.iter().find(|transition| {
        transition.at >= from
            && transition.at <= to
            && matches!(transition.what, What::LeaderLost | What::LeaderMoved)
    });
    match change {
        None if to > evidence.end => {
            let missing = to.since(evidence.end).as_secs_f64();
            Finding::new(Verdict::Error, expected, format!("the run ended {missing:.1} s too early to tell"))
        }
        None => Finding::met(true, expected, "it did"),
        Some(change) => {
            let now = change.to.as_ref().map_or("nobody held it".to_owned(), |to| format!("{to} held it"));
            Finding::met(false, expected, format!("{now} after {:.1} s", change.at_s)).at(Some(change.at_s))
        }
    }
}

/// The node holds the leader key at the end of the run.
pub(super) fn is(evidence: &Evidence<'_>, node: &NodeRef) -> Finding {
    let nodes = node.resolve(evidence);
    if nodes.is_empty() {
        let observed = format!("no node was {node} in this run");
        return Finding::new(Verdict::Error, format!("{node} holds the leader key at the end"), observed);
    }
    let expected = format!("{} holds the leader key at the end", nodes.join(" or "));
    let Some(holder) = View::after(evidence.events.iter().copied()).leader else {
        return Finding::new(Verdict::Error, expected, "the leader key was never seen");
    };
    let since = evidence.transitions.iter().rev().find(|transition| {
        matches!(transition.what, What::LeaderLost | What::LeaderMoved | What::LeaderElected)
    });
    let (met, observed) = match holder {
        Some(holder) => (nodes.contains(&holder), format!("{holder} did")),
        None => (false, "nobody did".to_owned()),
    };
    Finding::met(met, expected, observed).at(since.map(|since| since.at_s))
}

fn nobody(expected: &str) -> Finding {
    Finding::new(Verdict::Error, expected, "nobody was seen to hold the leader key when the cut was applied")
}
