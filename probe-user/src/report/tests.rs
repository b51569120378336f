//! Every format of a hand-written run.

use proptest::prelude::*;

use super::{
    Paint, RunResult, RunVerdict, exposition, html, junit, markdown, rules::assert_accepted, terminal,
};
use crate::{
    compare::MEASURES, exposition::tests::assert_exposition, record::story::Story, scenario::Scenario,
};

const SCENARIO: &str = r#"
title = "PostgreSQL's port on the primary is dropped"
description = "Patroni talks to PostgreSQL by TCP."
document = "Leader lost. New leader promoted."

[[step]]
apply = "../cuts/primary-5432-drop.toml"
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
[[expect]]
that = "member-back"
after = "revert"
within = "cut + 60s"
[[expect]]
that = "no-acknowledged-write-lost"
[[expect]]
that = "server"
node = "pg9"
proxy = "primary"
status = "UP"
within = "5s"
"#;

fn judged(story: &Story) -> RunResult {
    let scenario = Scenario::parse("s.toml", "primary-5432-drop", SCENARIO).expect("a good scenario");
    RunResult::of("20261122T120000Z-primary-5432-drop", &scenario, &story.events)
}

#[test]
fn the_terminal() {
    insta::assert_snapshot!(terminal(&judged(&Story::failover()), Paint::Plain));
}

#[test]
fn a_terminal_without_colors_gets_no_escapes() {
    assert!(!terminal(&judged(&Story::failover()), Paint::Plain).contains('\x1b'));
    assert!(terminal(&judged(&Story::failover()), Paint::Colors).contains('\x1b'));
}

#[test]
fn the_markdown() {
    insta::assert_snapshot!(markdown(&judged(&Story::failover())));
}

#[test]
fn the_json() {
    let result = judged(&Story::failover());
    let json = result.json().expect("plain data");
    insta::assert_snapshot!(json);
    assert_eq!(serde_json::from_str::<RunResult>(&json).expect("reads back"), result);
}

#[test]
fn the_junit() {
    let text = junit(&judged(&Story::failover())).expect("plain text");
    assert_accepted(&text);
    insta::assert_snapshot!(text);
}

proptest! {
    /// Whatever a log, a server or an author says, and however often.
    #[test]
    fn continuous_integration_takes_every_junit(name in any::<String>(), said in "\\PC*|[\\x00-\\x20<>&\"']{0,20}|(?s:.*)") {
        let mut result = judged(&Story::failover());
        result.scenario.clone_from(&name);
        result.title.clone_from(&said);
        result.reason = Some(said.clone());
        result.verdict = RunVerdict::Invalid;
        for one in &mut result.expectations {
            one.name.clone_from(&name);
            one.observed.clone_from(&said);
        }
        for edge in result.cuts.iter_mut().flat_map(|cut| &mut cut.edges) {
            edge.why.clone_from(&said);
            edge.peer.clone_from(&name);
        }
        assert_accepted(&junit(&result).expect("plain text"));
    }
}

#[test]
fn the_numbers_for_prometheus() {
    let result = judged(&Story::failover());
    insta::assert_snapshot!(assert_exposition(|| exposition(&result)));
    assert_exposition(|| exposition(&judged(&Story::default())));
    let mut twice = judged(&Story::failover());
    twice.expectations.extend(twice.expectations.clone());
    assert_exposition(|| exposition(&twice));
}

#[test]
fn the_page_needs_nothing_else_and_trusts_nobody() {
    let mut result = judged(&Story::failover());
    result.title = "<script>alert(1)</script>".to_owned();
    let page = html(&result, &[]);
    assert!(page.contains("&lt;script&gt;alert") && !page.contains("<script>alert"));
    let addresses = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!addresses.contains("http://") && !addresses.contains("https://"));
    assert!(page.contains("TWO NODES WERE WRITABLE AT THE SAME TIME"));
}

#[test]
fn the_verdict_of_a_record() {
    let cut = || Story::healthy().step(-0.1, 0, "apply", "begin").applied(0.0, "pg1");
    for (story, verdict, reason) in [
        (Story::failover(), RunVerdict::Fail, "not as expected: no-acknowledged-write-lost"),
        (Story::default(), RunVerdict::Error, "the record ends before the run did"),
        (cut().hit(1.0, "pg1", 0.5, 1), RunVerdict::Error, "the record ends before the run did"),
        (
            cut().reverted(5.0, "pg1").over(6.0, 4, None),
            RunVerdict::Invalid,
            "`primary-5432-drop` was to hit",
        ),
        // A hit that is netsplit's own shows nothing of the cluster.
        (
            cut()
                .probed(2.0, "pg2", "silence", true)
                .hit(3.0, "pg1", 1.9, 1)
                .reverted(5.0, "pg1")
                .over(6.0, 4, None),
            RunVerdict::Invalid,
            "`primary-5432-drop` was to hit packets and hit none but netsplit's own probes",
        ),
        (
            cut().hit(1.0, "pg1", 0.5, 9).probed(2.0, "pg2", "passes", false).over(6.0, 4, None),
            RunVerdict::Invalid,
            "`primary-5432-drop` leaked on pg2 ↔ pg1 (10.88.0.11:5432): a probe got through",
        ),
        (cut().over(6.0, 4, Some("interrupted")), RunVerdict::Error, "interrupted"),
        (cut().hit(1.0, "pg1", 0.5, 1).over(6.0, 4, Some("no BPF")), RunVerdict::Error, "no BPF"),
        (
            Story::default().applied(0.0, "pg1").over(6.0, 4, None),
            RunVerdict::Error,
            "does not say what it was taken on",
        ),
    ] {
        let result = judged(&story);
        assert_eq!(result.verdict, verdict, "{:?}", result.reason);
        assert!(result.reason.as_deref().is_some_and(|said| said.contains(reason)), "{:?}", result.reason);
    }
}

#[test]
fn a_deviation_is_told_in_every_report_and_only_a_pass_has_measured_it() {
    let deviation = "[[deviation]]\ninstead = 'two leaders'\nbecause = 'nobody told the old one'\n\
                     [[deviation]]\nwhen = { local = 'socket' }\ninstead = 'x'\nbecause = 'y'\n";
    let judged = |text: &str| {
        let scenario =
            Scenario::parse("s.toml", "s", &format!("{text}\n{deviation}")).expect("a good scenario");
        RunResult::of("run", &scenario, &Story::failover().events)
    };
    let kept = SCENARIO.split("[[expect]]").take(3).collect::<Vec<_>>().join("[[expect]]");
    for (result, sentence) in [
        (
            judged(&kept),
            "document claims «Leader lost. New leader promoted.»; measured: two leaders (leader lost: after 20.0 s; \
             new leader: pg2 after 22.0 s), because nobody told the old one",
        ),
        (
            judged(SCENARIO),
            "expected: two leaders, because nobody told the old one; this run did not show it (",
        ),
    ] {
        assert_eq!(result.deviations.len(), 1, "the other is not for this cluster");
        for report in [terminal(&result, Paint::Plain), markdown(&result), html(&result, &[])] {
            assert!(report.contains(sentence), "{sentence}\n{report}");
        }
    }
}

#[test]
fn every_number_and_every_change_leads_to_its_event() {
    let story = Story::failover();
    let page = html(&judged(&story), &story.events);
    let section = |id: &str| {
        let (_, rest) = page.split_once(&format!("<section id=\"{id}\"")).expect("a section");
        rest.split_once("</section>").expect("its end").0
    };
    for id in ["numbers", "timeline", "expectations"] {
        let rows: Vec<_> =
            section(id).split("<tr").skip(2).filter(|row| !row.contains("td class=\"n\">–<")).collect();
        assert!(rows.len() > 2, "{id}: {rows:?}");
        for row in rows {
            let (_, line) =
                row.split_once("href=\"#event-").unwrap_or_else(|| panic!("{id}: {row} leads nowhere"));
            let (line, _) = line.split_once('"').expect("an attribute");
            assert!(section("events").contains(&format!("id=\"event-{line}\"")), "{id}: {line}");
        }
    }
}

/// Nothing that a run can record may break a report.
#[test]
fn empty_records_have_reports_too() {
    let result = judged(&Story::default());
    insta::assert_snapshot!(terminal(&result, Paint::Plain));
    assert!(junit(&result).is_ok() && result.json().is_ok());
    assert!(markdown(&result).starts_with("# primary-5432-drop: ERROR"));
}

#[test]
fn each_number_that_is_compared_stands_where_a_comparison_leads_to() {
    let story = Story::failover();
    let page = html(&judged(&story), &story.events);
    for measure in MEASURES {
        let row =
            format!("<tr id=\"{}\"><th scope=\"row\">{}</th>", html::anchor(measure.row()), measure.row());
        assert!(page.contains(&row), "{}: no {row}", measure.name);
    }
}
