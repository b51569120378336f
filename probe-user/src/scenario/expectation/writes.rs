//! Expectations about the client's writes.

use super::{Evidence, Finding, Verdict, Window};
use crate::{
    clock::BootInstant,
    record::{Kind, WRITE_PAUSE, What},
    scenario::Expression,
};

/// Writes stopped within the window, where there is one, and for at most so long, where that is said.
pub(super) fn stop(
    evidence: &Evidence<'_>,
    window: Option<&Window>,
    at_most: Option<&Expression>,
) -> Finding {
    let stopped = window.map(|window| timed(evidence, window, "writes stop", What::WritesStopped));
    let lasted = at_most.map(|at_most| at_most_for(evidence, at_most));
    match (stopped, lasted) {
        (Some(stopped), Some(lasted)) if stopped.verdict == Verdict::Pass => Finding {
            expected: format!("{}, and {}", stopped.expected, lasted.expected),
            observed: format!("{}, {}", stopped.observed, lasted.observed),
            ..lasted
        },
        (Some(stopped), _) => stopped,
        (None, Some(lasted)) => lasted,
        (None, None) => Finding::new(Verdict::Error, "writes stop", "the expectation has no bound"),
    }
}

/// The longest outage is no longer than this.
fn at_most_for(evidence: &Evidence<'_>, at_most: &Expression) -> Finding {
    let what = "writes stop for at most";
    let at_most = match evidence.span(at_most) {
        Ok(span) => span.as_secs_f64(),
        Err(error) => return Finding::new(Verdict::Error, format!("{what} {at_most}"), error.to_string()),
    };
    let expected = format!("{what} {at_most:.1} s");
    if evidence.metrics.writes_acknowledged.is_none() {
        return nobody(&expected);
    }
    match evidence.metrics.write_outage_longest_s {
        None => Finding::met(true, expected, "they never stopped"),
        Some(longest) => {
            let open = evidence.metrics.writes_back_s.is_none();
            let observed = if open { "longest outage, not over at the end:" } else { "longest outage:" };
            Finding::met(longest <= at_most, expected, format!("{observed} {longest:.1} s"))
                .at(evidence.metrics.writes_back_s.or(evidence.metrics.writes_stopped_s))
        }
    }
}

/// Writes came back, after they had stopped.
pub(super) fn back(evidence: &Evidence<'_>, window: &Window) -> Finding {
    timed(evidence, window, "writes are back", What::WritesBack)
}

/// Writes never stopped.
pub(super) fn go_on(evidence: &Evidence<'_>) -> Finding {
    let expected = "writes go on throughout";
    if evidence.metrics.writes_acknowledged.is_none() {
        return nobody(expected);
    }
    match evidence.metrics.writes_stopped_s {
        None => Finding::met(true, expected, "they did"),
        Some(at_s) => {
            let longest = evidence.metrics.write_outage_longest_s.unwrap_or_default();
            Finding::met(false, expected, format!("none was acknowledged for {longest:.1} s")).at(Some(at_s))
        }
    }
}

/// At most so many acknowledged writes were lost.
pub(super) fn lost(evidence: &Evidence<'_>, at_most: u64) -> Finding {
    let expected = match at_most {
        0 => "no acknowledged write is lost".to_owned(),
        many => format!("at most {many} acknowledged writes are lost"),
    };
    match evidence.metrics.writes_lost {
        None => Finding::new(Verdict::Error, expected, "the rows were not read back after the run"),
        Some(lost) => {
            let written = evidence.metrics.writes_acknowledged.unwrap_or_default();
            let read_back = evidence.events.iter().rev().find(|event| event.kind == Kind::RowsFound);
            Finding::met(lost <= at_most, expected, format!("{lost} of {written} lost"))
                .at(read_back.and_then(|event| evidence.seconds(event.boot_ns)))
        }
    }
}

fn timed(evidence: &Evidence<'_>, window: &Window, expected: &str, what: What) -> Finding {
    if evidence.metrics.writes_acknowledged.is_none() {
        return nobody(expected);
    }
    window.judge_first(expected, evidence, |from| {
        // An attempt that meets the cut began a moment before its packet did: an outage that reaches beyond the
        // window's beginning belongs to it.
        let stopped = |at_s: Option<f64>| {
            let zero = evidence.zero?;
            let found = evidence.transitions.iter().find(|t| t.what == what && Some(t.at_s) == at_s)?;
            (from <= zero.at || found.at >= from).then_some(found.at.max(from))
        };
        match what {
            What::WritesStopped => {
                let begun = || under_way(evidence, from).then_some(from);
                stopped(evidence.metrics.writes_stopped_s)
                    .or_else(begun)
                    .or_else(|| later(evidence, from, what))
            }
            _ => later(evidence, from, what),
        }
    })
}

/// Whether an outage reaches beyond this moment that began with an attempt that was under way then.
fn under_way(evidence: &Evidence<'_>, at: BootInstant) -> bool {
    let mut before = evidence.transitions.iter().filter(|t| t.at < at);
    let last = before.rfind(|t| matches!(t.what, What::WritesStopped | What::WritesBack));
    last.is_some_and(|last| last.what == What::WritesStopped && at.since(last.at) < WRITE_PAUSE)
}

fn later(evidence: &Evidence<'_>, from: BootInstant, what: What) -> Option<BootInstant> {
    evidence.transitions.iter().find(|t| t.what == what && t.at >= from).map(|found| found.at)
}

fn nobody(expected: &str) -> Finding {
    Finding::new(Verdict::Error, expected, "no client wrote")
}
