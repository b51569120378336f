//! Where a cluster disagrees with the procedure, in a sentence each.

use super::{DeviationRecord, RunResult, RunVerdict};
use crate::scenario::Judgement;

/// What was observed, expectation by expectation, such as `leader lost: after 21.3 s`.
pub(super) fn measured(result: &RunResult) -> Vec<String> {
    result.expectations.iter().filter(|one| one.in_table).map(in_words).collect()
}

/// The document's claims that do not hold on this cluster. Only a run that passed has measured what is so instead.
pub(super) fn deviations(result: &RunResult) -> Vec<String> {
    result.deviations.iter().map(|one| sentence(one, result)).collect()
}

fn sentence(one: &DeviationRecord, result: &RunResult) -> String {
    let claim = one.claim.as_deref().unwrap_or("nothing");
    let DeviationRecord { instead, because, shown_by, .. } = one;
    let shown = if shown_by.is_empty() {
        measured(result)
    } else {
        result.expectations.iter().filter(|judged| shown_by.contains(&judged.name)).map(in_words).collect()
    };
    let shown = if shown.is_empty() { String::new() } else { format!(" ({})", shown.join("; ")) };
    if result.verdict == RunVerdict::Pass {
        format!("document claims «{claim}»; measured: {instead}{shown}, because {because}")
    } else {
        format!(
            "document claims «{claim}»; expected: {instead}, because {because}; this run did not show it{shown}"
        )
    }
}

fn in_words(judged: &Judgement) -> String {
    format!("{}: {}", judged.name.replace('-', " "), judged.observed)
}
