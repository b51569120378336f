//! A suite's `junit.xml`: one `JUnit` suite a run, and one for each scenario that was not run.

use std::{collections::BTreeMap, time::Duration};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{RunRecord, ScenarioRecord, SuiteResult};
use crate::report::{RunResult, junit as of_run};

/// The report for a continuous integration server. The runs are by directory.
pub fn junit(
    result: &SuiteResult,
    runs: &BTreeMap<String, RunResult>,
) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new(result.suite.as_str());
    if let Some(time) = seconds(result.time.wall_s) {
        report.set_time(time);
    }
    for one in &result.scenarios {
        if one.runs.is_empty() {
            let mut suite = TestSuite::new(one.id.as_str());
            let why = result.reason.as_deref().unwrap_or("not run");
            let status = of_run::explained(TestCaseStatus::skipped(), why);
            suite.add_test_case(case(&one.id, "run", status));
            report.add_test_suite(suite);
        }
        for run in &one.runs {
            report.add_test_suite(suite(one, run, runs));
        }
    }
    of_run::finish(report)
}

fn suite(one: &ScenarioRecord, run: &RunRecord, runs: &BTreeMap<String, RunResult>) -> TestSuite {
    let name =
        if run.repetition > 1 { format!("{} (run {})", one.id, run.repetition) } else { one.id.clone() };
    let result = run.directory.as_ref().and_then(|directory| runs.get(directory));
    let mut suite =
        result.map_or_else(|| TestSuite::new(name.as_str()), |result| of_run::suite(result, &name));
    if result.is_none() {
        let reason = run.reason.as_deref().unwrap_or("there is no record of it");
        suite.add_test_case(case(&name, "run", of_run::non_success(NonSuccessKind::Error, reason)));
    }
    if let Some(healing) = &run.healing {
        let status = match &healing.lost {
            Some(lost) => of_run::non_success(
                NonSuccessKind::Failure,
                &format!("the cluster did not come back: {lost}"),
            ),
            None => TestCaseStatus::success(),
        };
        let mut back = case(&name, "cluster-comes-back", status);
        if let Some(time) = seconds(healing.seconds) {
            back.set_time(time);
        }
        suite.add_test_case(back);
    }
    if let Some(time) = seconds(run.seconds) {
        suite.set_time(time);
    }
    suite
}

fn case(class: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}

fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}
