//! Expectations about the client's writes.

use super::{Evidence, Finding, Verdict, Window};
use crate::record::What;

/// Writes stopped.
pub(super) fn stop(evidence: &Evidence<'_>, window: &Window) -> Finding {
    timed(evidence, window, "writes stop", What::WritesStopped)
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
            Finding::met(lost <= at_most, expected, format!("{lost} of {written} lost"))
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
                stopped(evidence.metrics.writes_stopped_s).or_else(|| later(evidence, from, what))
            }
            _ => later(evidence, from, what),
        }
    })
}

fn later(
    evidence: &Evidence<'_>,
    from: crate::clock::BootInstant,
    what: What,
) -> Option<crate::clock::BootInstant> {
    evidence.transitions.iter().find(|t| t.what == what && t.at >= from).map(|found| found.at)
}

fn nobody(expected: &str) -> Finding {
    Finding::new(Verdict::Error, expected, "no client wrote")
}
