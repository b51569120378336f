//! `junit.xml`: one suite a run, one case an expectation and an edge of a cut, and one for the run itself.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{RunResult, RunVerdict, proof};
use crate::{proof::EdgeVerdict, scenario::Verdict};

/// The report for a continuous integration server.
pub fn junit(result: &RunResult) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new(result.id.as_str());
    report.add_test_suite(suite(result, &result.scenario));
    report.to_string()
}

/// The cases of one run.
pub(super) fn suite(result: &RunResult, name: &str) -> TestSuite {
    let mut suite = TestSuite::new(name);
    let status = match result.verdict {
        RunVerdict::Invalid | RunVerdict::Error => {
            non_success(NonSuccessKind::Error, result.reason.as_deref().unwrap_or("no reason was given"))
        }
        RunVerdict::Pass | RunVerdict::Fail => TestCaseStatus::success(),
    };
    let mut run = TestCase::new("run", status);
    run.set_classname(result.scenario.as_str());
    suite.add_test_case(run);
    for one in &result.expectations {
        let message = format!("expected: {}; observed: {}", one.expected, one.observed);
        let status = match one.verdict {
            Verdict::Pass => TestCaseStatus::success(),
            Verdict::Fail => non_success(NonSuccessKind::Failure, &message),
            Verdict::Error => non_success(NonSuccessKind::Error, &message),
        };
        let mut case = TestCase::new(one.name.as_str(), status);
        case.set_classname(result.scenario.as_str());
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
            EdgeVerdict::NoTraffic => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(message);
                status
            }
        };
        let mut case = TestCase::new(format!("proof: {rule}: {edge}"), status);
        case.set_classname(result.scenario.as_str());
        suite.add_test_case(case);
    }
    suite
}

pub(super) fn non_success(kind: NonSuccessKind, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
    status
}
