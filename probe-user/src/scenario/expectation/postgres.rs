//! Expectations about PostgreSQL's own truth, seen from inside.

use super::{Evidence, Finding, NodeRef, Verdict, Window, service::each};
use crate::{record::Inside, scenario::Expression};

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

/// A primary began a new timeline.
pub(super) fn timeline_grows(evidence: &Evidence<'_>) -> Finding {
    let expected = "the WAL timeline grows";
    let (Some(before), Some(after)) = (evidence.metrics.timeline_before, evidence.metrics.timeline_after)
    else {
        return Finding::new(Verdict::Error, expected, "no primary's timeline was seen");
    };
    Finding::met(after > before, expected, format!("from {before} to {after}"))
}

/// The node's own PostgreSQL would accept a write, or not.
pub(super) fn inside(evidence: &Evidence<'_>, node: &NodeRef, writable: bool, window: &Window) -> Finding {
    let state = if writable { "writable" } else { "not writable" };
    let what = |nodes: &str| format!("{nodes} is {state} from inside");
    each(evidence, node, window, &what, "PostgreSQL", |view, node| {
        Some(view.inside.get(node)?.as_ref().is_some_and(Inside::writable) == writable)
    })
}
