//! `junit.xml`: one suite a run, one case an expectation and an edge of a cut, and one for the run itself.
//!
//! The format has no standard. It is written so that Jenkins takes it, whose xUnit plugin validates files by a schema of
//! its own (junit-10.xsd), and GitLab, which tells cases apart by `classname` and `name` alone and shows the text of
//! what failed, not its `message`: <https://docs.gitlab.com/ci/testing/unit_test_reports>. `rules` has both as code.

use std::{collections::BTreeSet, time::Duration};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{RunResult, RunVerdict, apart::set_apart, proof};
use crate::{proof::EdgeVerdict, scenario::Verdict};

/// The report for a continuous integration server.
pub fn junit(result: &RunResult) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new(result.id.as_str());
    report.add_test_suite(suite(result, &result.scenario));
    finish(report)
}

/// The text of a report, every case with a name of its own.
pub(super) fn finish(mut report: Report) -> Result<String, quick_junit::SerializeError> {
    for suite in &mut report.test_suites {
        // GitLab would show the first of one name alone.
        let names = set_apart(suite.test_cases.iter().map(|case| case.name.as_str()));
        for (case, name) in suite.test_cases.iter_mut().zip(names) {
            case.name = name.into();
        }
        let skipped =
            suite.test_cases.iter().filter(|case| matches!(case.status, TestCaseStatus::Skipped { .. }));
        let skipped = skipped.count().to_string();
        suite.extra.insert("skipped".into(), skipped.into());
    }
    let counts: BTreeSet<usize> = report.test_suites.iter().map(|suite| suite.disabled).collect();
    let mut text = report.to_string()?;
    // What is skipped is `disabled` for quick-junit, an attribute that Jenkins' schema does not have. Quotes within
    // values and texts are escaped, so nothing else can look like it.
    for count in counts {
        text = text.replace(&format!(" disabled=\"{count}\""), "");
    }
    Ok(text)
}

/// The cases of one run, all of the class `name`.
pub(super) fn suite(result: &RunResult, name: &str) -> TestSuite {
    let mut suite = TestSuite::new(name);
    if let Some(time) = took(result) {
        suite.set_time(time);
    }
    if let Some(started) = result.started {
        suite.extra.insert("timestamp".into(), started.strftime("%Y-%m-%dT%H:%M:%S").to_string().into());
    }
    let status = match result.verdict {
        RunVerdict::Invalid | RunVerdict::Error => {
            non_success(NonSuccessKind::Error, result.reason.as_deref().unwrap_or("no reason was given"))
        }
        RunVerdict::Pass | RunVerdict::Fail => TestCaseStatus::success(),
    };
    let mut run = TestCase::new("run", status);
    run.set_classname(name);
    suite.add_test_case(run);
    for one in &result.expectations {
        let message = format!("expected: {}; observed: {}", one.expected, one.observed);
        let status = match one.verdict {
            Verdict::Pass => TestCaseStatus::success(),
            Verdict::Fail => non_success(NonSuccessKind::Failure, &message),
            Verdict::Error => non_success(NonSuccessKind::Error, &message),
        };
        let mut case = TestCase::new(one.name.as_str(), status);
        case.set_classname(name);
        if let Some(at) = one.at_s.and_then(|at_s| Duration::try_from_secs_f64(at_s).ok()) {
            case.set_time(at);
        }
        suite.add_test_case(case);
    }
    for (rule, edge) in proof::rows(result) {
        let message = format!("{}: {}", edge.verdict, edge.why);
        let status = match edge.verdict {
            EdgeVerdict::Confirmed => TestCaseStatus::success(),
            EdgeVerdict::Leaked => non_success(NonSuccessKind::Error, &message),
            EdgeVerdict::NoTraffic => explained(TestCaseStatus::skipped(), &message),
        };
        let mut case = TestCase::new(format!("proof: {rule}: {edge}"), status);
        case.set_classname(name);
        suite.add_test_case(case);
    }
    suite
}

/// From the first step to the end of the last.
fn took(result: &RunResult) -> Option<Duration> {
    let first = result.steps.first()?.from_s;
    let last = result.steps.iter().filter_map(|step| step.to_s).reduce(f64::max)?;
    Duration::try_from_secs_f64(last - first).ok()
}

pub(super) fn non_success(kind: NonSuccessKind, message: &str) -> TestCaseStatus {
    explained(TestCaseStatus::non_success(kind), message)
}

/// Jenkins shows the message, and GitLab the text.
pub(super) fn explained(mut status: TestCaseStatus, message: &str) -> TestCaseStatus {
    status.set_message(message);
    status.set_description(message);
    status
}
