//! Every format of a hand-written suite.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{SuiteResult, SuiteVerdict, TimeSplit, exposition, html, judge, junit, markdown, terminal};
use crate::{
    exposition::tests::assert_exposition,
    record::story::Story,
    report::{DeviationRecord, Paint, RunResult, rules::assert_accepted},
    scenario::{Row, Scenario},
    suite::{Note, Outline, SectionOutline, TurnOutline},
};

const CUT: &str = r#"
title = "PostgreSQL's port on the primary is dropped"
[[step]]
apply = "primary-5432-drop.toml"
[[step]]
until = "new-leader"
within = "2 * ttl"
[[step]]
wait = "15s"
[[step]]
revert = true
[[expect]]
that = "leader-lost"
within = "ttl + loop_wait"
[[expect]]
that = "new-leader"
within = "ttl + 2 * loop_wait + 5s"
"#;

fn run(id: &str, expectations: &str, story: &Story) -> RunResult {
    let scenario = Scenario::parse("s.toml", id, &format!("{CUT}{expectations}")).expect("a good scenario");
    RunResult::of(id, &scenario, &story.events)
}

fn turn(id: &str, row: &str, test: &str, claim: &str) -> TurnOutline {
    let commands = "iptables -A INPUT -p tcp --dport 5432 -j DROP | cat".to_owned();
    TurnOutline {
        id: id.to_owned(),
        title: format!("{test}, asked of a cluster"),
        row: (!row.is_empty()).then(|| Row { id: row.to_owned(), test: test.to_owned(), commands }),
        document: (!claim.is_empty()).then(|| claim.to_owned()),
    }
}

fn ran(scenario: &str, repetition: u32, directory: Option<&str>, error: Option<&str>) -> Note {
    Note::Ran {
        scenario: scenario.to_owned(),
        repetition,
        directory: directory.map(str::to_owned),
        took_s: 70.0,
        health_s: 1.5,
        error: error.map(str::to_owned),
    }
}

fn healed(after: Option<&str>, repetition: u32, took_s: f64, mended: &[&str], lost: Option<&str>) -> Note {
    Note::Healed {
        after: after.map(str::to_owned),
        repetition,
        took_s,
        mended: mended.iter().map(|word| (*word).to_owned()).collect(),
        lost: lost.map(str::to_owned),
    }
}

fn lab(lab: &str, took_s: f64, error: Option<&str>) -> Note {
    Note::Lab {
        lab: lab.to_owned(),
        why: "it was needed".to_owned(),
        stands: error.is_none(),
        took_s,
        error: error.map(str::to_owned),
    }
}

/// One that passes against the document, one that fails, one whose lab cannot be made, one that nobody gets to.
fn interrupted() -> (Vec<Note>, BTreeMap<String, RunResult>) {
    let primary = vec![
        turn("primary-1", "1", "Isolate PG port (5432) - DROP", "No failover at all."),
        turn("primary-2", "2", "The same, and no write is lost", "Nothing is lost."),
    ];
    let others = vec![turn("log-1", "", "An old Patroni", ""), turn("late-1", "9", "Reboot", "It starts.")];
    let section = |title: &str, scenarios| SectionOutline { title: Some(title.to_owned()), scenarios };
    let suite = Outline {
        id: "ha".to_owned(),
        title: "Patroni's high availability".to_owned(),
        description: Some("What a DBA tests by hand.".to_owned()),
        source: Some("HA Behavior Test Cases".to_owned()),
        repeat: 1,
        sections: vec![section("Primary", primary), section("The rest", others)],
    };
    let notes = vec![
        Note::Begun { at: Timestamp::from_second(1_790_000_000).expect("a year after 2000"), suite },
        lab("ha", 6.0, None),
        healed(None, 1, 0.1, &["Patroni on pg3 started"], None),
        ran("primary-1", 1, Some("primary-1"), None),
        healed(Some("primary-1"), 1, 4.0, &[], None),
        ran("primary-2", 1, Some("primary-2"), None),
        healed(Some("primary-2"), 1, 60.0, &[], Some("not healthy after 60 s: pg1 not listed")),
        lab("ha", 7.0, None),
        lab("ha-302", 0.5, Some("Patroni 3.0.2 is not installed")),
        ran("log-1", 1, None, Some("the lab `ha-302` cannot be made: Patroni 3.0.2 is not installed")),
        Note::Ended { took_s: 240.0, interrupted: true, stopped: None },
    ];
    let mut first = run("primary-1", "", &Story::failover());
    first.deviations = vec![DeviationRecord {
        claim: Some("No failover at all.".to_owned()),
        instead: "a new leader after the ttl".to_owned(),
        because: "Patroni cannot renew its key.".to_owned(),
        shown_by: Vec::new(),
    }];
    first.expectations[0].in_table = false;
    let mut second =
        run("primary-2", "[[expect]]\nthat = \"no-acknowledged-write-lost\"\n", &Story::failover());
    second.deviations.clone_from(&first.deviations);
    (notes, [("primary-1".to_owned(), first), ("primary-2".to_owned(), second)].into())
}

fn result() -> (SuiteResult, BTreeMap<String, RunResult>) {
    let (notes, runs) = interrupted();
    (SuiteResult::of("20260921T120000Z-ha", &notes, &runs), runs)
}

#[test]
fn the_terminal() {
    let (result, _) = result();
    insta::assert_snapshot!(terminal(&result, Paint::Plain, 150));
}

#[test]
fn a_table_fits_its_terminal() {
    let (result, _) = result();
    for width in [80, 100, 200] {
        let wide = terminal(&result, Paint::Plain, width);
        let rows = wide.lines().filter(|line| line.starts_with(['│', '┌', '╞', '└']));
        assert!(rows.clone().count() > 10);
        assert!(rows.map(|row| row.chars().count()).all(|columns| columns <= usize::from(width)), "{wide}");
    }
    assert!(!terminal(&result, Paint::Plain, 100).contains('\x1b'));
    assert!(terminal(&result, Paint::Colors, 100).contains('\x1b'));
}

#[test]
fn the_markdown() {
    insta::assert_snapshot!(markdown(&result().0));
}

#[test]
fn the_json() {
    let result = result().0;
    // The runs' expectations and metrics are those of their own result.json.
    let mut short = result;
    for run in short.scenarios.iter_mut().flat_map(|one| &mut one.runs) {
        run.expectations.clear();
        run.metrics = None;
    }
    let json = short.json().expect("plain data");
    assert_eq!(serde_json::from_str::<SuiteResult>(&json).expect("reads back"), short);
    insta::assert_snapshot!(json);
}

#[test]
fn the_numbers_for_prometheus() {
    let (notes, runs) = interrupted();
    let result = SuiteResult::of("20261123T120000Z-ha", &notes, &runs);
    insta::assert_snapshot!(assert_exposition(|| exposition(&result, &runs)));
}

#[test]
fn the_junit() {
    let (result, runs) = result();
    let text = junit(&result, &runs).expect("plain text");
    assert_accepted(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn the_page_needs_nothing_else_and_trusts_nobody() {
    let (mut result, _) = result();
    result.title = "<script>alert(1)</script>".to_owned();
    let page = html(&result);
    assert!(page.contains("&lt;script&gt;") && page.matches("<script>").count() == 1);
    let addresses = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!addresses.contains("http://") && !addresses.contains("https://"));
    for told in
        ["primary-1/report.html", "document claims", "not healthy after 60 s", "Patroni 3.0.2", "NOT RUN"]
    {
        assert!(page.contains(told), "{told}: {page}");
    }
}

#[test]
fn repetitions_are_counted_and_the_worst_decides() {
    let (mut notes, mut runs) = interrupted();
    let Note::Begun { suite, .. } = &mut notes[0] else { panic!("no beginning") };
    suite.repeat = 3;
    suite.sections[0].scenarios.truncate(1);
    suite.sections.truncate(1);
    notes.truncate(5);
    let lost = run("primary-1", "[[expect]]\nthat = \"no-acknowledged-write-lost\"\n", &Story::failover());
    runs.insert("primary-1-2".to_owned(), lost);
    runs.insert("primary-1-3".to_owned(), runs["primary-1"].clone());
    for (repetition, directory) in [(2, "primary-1-2"), (3, "primary-1-3")] {
        notes.push(ran("primary-1", repetition, Some(directory), None));
        notes.push(healed(Some("primary-1"), repetition, 1.0, &[], None));
    }
    notes.push(Note::Ended { took_s: 300.0, interrupted: false, stopped: None });
    let result = SuiteResult::of("x", &notes, &runs);
    let one = &result.scenarios[0];
    assert_eq!(
        (result.verdict, one.verdict, one.passed, one.runs.len()),
        (SuiteVerdict::Fail, SuiteVerdict::Fail, 2, 3)
    );
    assert_eq!((result.totals.runs, result.totals.runs_passed, result.totals.passed), (3, 2, 0));
    let shown = terminal(&result, Paint::Plain, 120);
    assert!(shown.contains("2 of 3") && shown.contains("FAIL primary-1 (run 2)"), "{shown}");
    let text = junit(&result, &runs).expect("plain text");
    assert_accepted(&text);
    assert!(text.contains("primary-1 (run 3)"));
}

#[test]
fn a_journal_that_breaks_off_is_told() {
    let (notes, runs) = interrupted();
    for length in 0..notes.len() {
        let result = SuiteResult::of("x", &notes[..length], &runs);
        assert_ne!(result.verdict, SuiteVerdict::Pass, "{length} notes");
        assert!(result.reason.as_ref().is_some_and(|reason| reason.contains("netsplit was killed")));
        let ran = result.scenarios.iter().filter(|one| !one.runs.is_empty()).count();
        assert_eq!(result.totals.not_run, result.scenarios.len() - ran);
        assert!(junit(&result, &runs).is_ok() && !terminal(&result, Paint::Plain, 100).is_empty());
        assert!(!markdown(&result).is_empty() && !html(&result).is_empty());
    }
}

#[test]
fn a_run_is_as_good_as_its_record_and_the_cluster_after_it() {
    let passed = run("x", "", &Story::failover());
    let failed = run("x", "[[expect]]\nthat = \"no-acknowledged-write-lost\"\n", &Story::failover());
    let stopped = run("x", "", &Story::failover().over(400.0, 4, Some("interrupted")));
    let missed = run("x", "", &Story::default());
    for (result, error, lost, verdict, reason) in [
        (Some(&passed), None, None, SuiteVerdict::Pass, ""),
        (
            Some(&passed),
            None,
            Some("pg1 is gone"),
            SuiteVerdict::Fail,
            "the cluster did not come back: pg1 is gone",
        ),
        (
            Some(&failed),
            None,
            Some("pg1 is gone"),
            SuiteVerdict::Fail,
            "not as expected: no-acknowledged-write-lost; the cluster did not come back: pg1 is gone",
        ),
        (Some(&stopped), None, None, SuiteVerdict::Interrupted, "interrupted"),
        (Some(&missed), None, Some("x"), SuiteVerdict::Error, "the record ends"),
        (None, Some("no room"), None, SuiteVerdict::Error, "no room"),
        (None, None, None, SuiteVerdict::Error, "there is no record of it"),
    ] {
        let (is, why) = judge(result, error, lost);
        assert_eq!(is, verdict, "{why:?}");
        assert!(why.unwrap_or_default().starts_with(reason), "{reason}");
    }
}

#[test]
fn the_time_is_divided_without_a_rest() {
    for (wall, waiting, labs, own, percent) in [
        (100.0, 80.0, 15.0, 5.0, 5.0),
        (0.0, 0.0, 0.0, 0.0, 0.0),
        // Clocks that disagree by a little leave nothing below zero.
        (10.0, 10.1, 0.0, 0.0, 0.0),
    ] {
        let split = TimeSplit::new(wall, waiting, labs);
        assert!((split.own_s - own).abs() < 1e-9 && (split.own_percent - percent).abs() < 1e-9, "{split:?}");
    }
    let (result, runs) = result();
    // Each run: waiting for health, then the two steps that wait.
    let steps = runs["primary-1"]
        .steps
        .iter()
        .filter(|step| step.what.starts_with("until") || step.what.starts_with("wait"));
    let waited: f64 = steps.map(|step| step.to_s.expect("an end") - step.from_s).sum();
    assert!(waited > 10.0, "{waited}");
    // The one without a record waited for health alone, as far as is known.
    let waiting = 2.0 * waited + 3.0 * 1.5 + 64.1;
    assert!((result.time.waiting_s - waiting).abs() < 1e-6, "{:?} {waiting}", result.time);
    assert!((result.time.labs_s - 13.5).abs() < 1e-9);
}
