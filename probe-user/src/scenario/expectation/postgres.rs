//! Expectations about PostgreSQL's own truth, seen from inside.

use super::{Evidence, Finding, Verdict};
use crate::{record::What, scenario::Expression};

/// How long more than one node would have accepted writes.
pub(super) fn two_writable(
    evidence: &Evidence<'_>,
    at_least: Option<&Expression>,
    at_most: Option<&Expression>,
) -> Finding {
    let what = "two nodes are writable";
    let span = |expression: Option<&Expression>| expression.map(|span| evidence.span(span)).transpose();
    let (at_least, at_most) = match (span(at_least), span(at_most)) {
        (Ok(at_least), Ok(at_most)) => (at_least, at_most),
        (Err(error), _) | (_, Err(error)) => return Finding::new(Verdict::Error, what, error.to_string()),
    };
    let expected = match (at_least, at_most) {
        (Some(least), Some(most)) => {
            format!("{what} for {:.1} s to {:.1} s", least.as_secs_f64(), most.as_secs_f64())
        }
        (Some(least), None) => format!("{what} for at least {:.1} s", least.as_secs_f64()),
        (None, Some(most)) if most.is_zero() => "two nodes are never writable".to_owned(),
        (None, Some(most)) => format!("{what} for at most {:.1} s", most.as_secs_f64()),
        (None, None) => what.to_owned(),
    };
    let Some(windows) = &evidence.metrics.two_writable_primaries else {
        return Finding::new(Verdict::Error, expected, "no PostgreSQL was seen from inside");
    };
    let seconds = evidence.metrics.two_writable_primaries_s;
    let met = at_least.is_none_or(|least| seconds.is_some_and(|seconds| seconds >= least.as_secs_f64()))
        && at_most.is_none_or(|most| seconds.is_none_or(|seconds| seconds <= most.as_secs_f64()));
    let observed = match (seconds, windows.first()) {
        (Some(seconds), Some(window)) => format!("{} for {seconds:.1} s", window.nodes.join(" and ")),
        _ => "never".to_owned(),
    };
    Finding::met(met, expected, observed).at(windows.first().map(|window| window.from_s))
}

/// A primary began a new timeline, or none did.
pub(super) fn timeline(evidence: &Evidence<'_>, grows: bool) -> Finding {
    let expected = if grows { "the WAL timeline grows" } else { "the WAL timeline stays the same" };
    let (Some(before), Some(after)) = (evidence.metrics.timeline_before, evidence.metrics.timeline_after)
    else {
        return Finding::new(Verdict::Error, expected, "no primary's timeline was seen");
    };
    let grew = evidence.transitions.iter().find(|transition| transition.what == What::TimelineGrew);
    Finding::met((after > before) == grows, expected, format!("from {before} to {after}"))
        .at(grew.map(|grew| grew.at_s))
}
