//! Where a cluster disagrees with the procedure, in a sentence each.

use super::{DeviationRecord, RunResult, RunVerdict};

/// What was observed, expectation by expectation, such as `leader lost: after 21.3 s`.
pub(super) fn measured(result: &RunResult) -> Vec<String> {
    let judged = result.expectations.iter().filter(|one| one.in_table);
    judged.map(|one| format!("{}: {}", one.name.replace('-', " "), one.observed)).collect()
}

/// The document's claims that do not hold on this cluster. Only a run that passed has measured what is so instead.
pub(super) fn deviations(result: &RunResult) -> Vec<String> {
    let measured = measured(result).join("; ");
    let observed = if measured.is_empty() { String::new() } else { format!(" ({measured})") };
    let sentence = |one: &DeviationRecord| {
        let claim = one.claim.as_deref().unwrap_or("nothing");
        let DeviationRecord { instead, because, .. } = one;
        if result.verdict == RunVerdict::Pass {
            format!("document claims «{claim}»; measured «{instead}»{observed} because {because}")
        } else {
            format!(
                "document claims «{claim}»; expected «{instead}» because {because}; this run did not show it{observed}"
            )
        }
    };
    result.deviations.iter().map(sentence).collect()
}
