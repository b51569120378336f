//! Whether Patroni answered each request as its step expects: an expectation of its own.

use super::StepRecord;
use crate::{
    record::Answered,
    scenario::{Judgement, Scenario, Verdict},
};

/// What Patroni documents as success, where a step expects nothing else.
const SUCCESS: [u16; 2] = [200, 202];

/// One judgement for each step that asked Patroni something, called as its author called the step.
pub(super) fn judged(scenario: &Scenario, steps: &[StepRecord]) -> Vec<Judgement> {
    let name = |index: usize| scenario.steps.get(index).and_then(|step| step.name.clone());
    let requests = steps.iter().filter_map(|step| Some((step, step.action.as_ref()?.request.as_ref()?)));
    let judge = |(step, answer): (&StepRecord, &Answered)| Judgement {
        name: format!("{}-answer", name(step.index).unwrap_or_else(|| format!("step-{}", step.index + 1))),
        verdict: if is_expected(answer) { Verdict::Pass } else { Verdict::Fail },
        expected: format!("{} to {}", expected(answer), answer.request),
        observed: observed(answer),
        at_s: step.to_s,
        in_table: true,
    };
    requests.map(judge).collect()
}

fn is_expected(answer: &Answered) -> bool {
    let status = match (answer.expected, answer.expected_exit) {
        (Some(expected), _) => answer.status == Some(expected),
        // Who names the exit code alone says nothing of a status.
        (None, Some(_)) => true,
        (None, None) => answer.status.is_some_and(|status| SUCCESS.contains(&status)),
    };
    let exit = answer.expected_exit.is_none_or(|expected| answer.exit == Some(expected));
    let body = answer.expected_body.as_ref().is_none_or(|expected| answer.body.contains(expected));
    status && exit && body
}

fn expected(answer: &Answered) -> String {
    let status = match (answer.expected, answer.expected_exit) {
        (Some(expected), _) => Some(expected.to_string()),
        (None, Some(_)) => None,
        (None, None) => Some(SUCCESS.map(|status| status.to_string()).join(" or ")),
    };
    let exit = answer.expected_exit.map(|exit| format!("exit code {exit}"));
    let body = answer.expected_body.as_ref().map(|body| format!("`{body}`"));
    [status, exit, body].into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

fn observed(answer: &Answered) -> String {
    let exit = answer.exit.map(|exit| format!("exit code {exit}"));
    let body = in_short(&answer.body);
    match (answer.status, exit) {
        (Some(status), None) => format!("{status}: {body}"),
        (Some(status), Some(exit)) => format!("{status}: {body} ({exit})"),
        (None, Some(exit)) => format!("{exit}, and no answer of Patroni\'s: {body}"),
        (None, None) => format!("no answer: {body}"),
    }
}

/// As much of an answer as a cell has room for; the record has all of it.
fn in_short(body: &str) -> String {
    const LONGEST: usize = 160;
    match body.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &body[..end]),
        None => body.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_judged_by_all_that_its_step_names() {
        let answer = |status: Option<u16>, exit: Option<i32>| Answered {
            request: "patronictl switchover".to_owned(),
            status,
            exit,
            body: "no good candidates".to_owned(),
            ..Answered::default()
        };
        let wanted =
            |status: Option<u16>, exit: Option<i32>, body: Option<&str>, answer: Answered| Answered {
                expected: status,
                expected_exit: exit,
                expected_body: body.map(str::to_owned),
                ..answer
            };
        let lines: Vec<String> = [
            wanted(None, None, None, answer(Some(200), None)),
            wanted(None, None, None, answer(Some(202), Some(0))),
            wanted(None, None, None, answer(Some(412), Some(0))),
            wanted(None, None, None, answer(None, None)),
            wanted(Some(412), None, Some("candidates"), answer(Some(412), Some(0))),
            wanted(Some(412), None, Some("leader"), answer(Some(412), Some(0))),
            wanted(None, Some(1), None, answer(None, Some(1))),
            wanted(Some(412), Some(0), None, answer(None, Some(0))),
        ]
        .iter()
        .map(|answer| {
            let verdict = if is_expected(answer) { "pass" } else { "fail" };
            format!("{verdict}: {} ← {}", expected(answer), observed(answer))
        })
        .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
