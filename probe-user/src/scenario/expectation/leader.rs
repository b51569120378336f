//! Expectations about the leader key.

use super::{Evidence, Finding, Verdict, Window};
use crate::record::What;

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

/// The same node held the leader key from the first cut to the end.
pub(super) fn unchanged(evidence: &Evidence<'_>) -> Finding {
    let Some(leader) = &evidence.leader else { return nobody("leader unchanged") };
    let expected = format!("{leader} holds the leader key throughout");
    let from = evidence.first_cut.unwrap_or_default();
    let change = evidence.transitions.iter().find(|transition| {
        transition.at >= from && matches!(transition.what, What::LeaderLost | What::LeaderMoved)
    });
    match change {
        None => Finding::met(true, expected, "it did"),
        Some(change) => {
            let now = change.to.as_ref().map_or("nobody held it".to_owned(), |to| format!("{to} held it"));
            Finding::met(false, expected, format!("{now} after {:.1} s", change.at_s)).at(Some(change.at_s))
        }
    }
}

fn nobody(expected: &str) -> Finding {
    Finding::new(Verdict::Error, expected, "nobody was seen to hold the leader key when the cut was applied")
}
