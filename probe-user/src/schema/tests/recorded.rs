//! What runs record and come to.

use std::collections::BTreeMap;

use serde_json::json;

use super::{super::documents, assert_fits, problems, validator};
use crate::{
    record::{Kind, Source, story::Story},
    report::{RunResult, suite::SuiteResult},
    scenario::Scenario,
    suite::{Note, Outline, SectionOutline, TurnOutline},
};

const SCENARIO: &str = r#"
title = "x"
[[step]]
apply = "primary-5432-drop.toml"
[[step]]
revert = true
[[expect]]
that = "leader-lost"
within = "ttl"
"#;

fn result() -> RunResult {
    let scenario = Scenario::parse("s.toml", "s", SCENARIO).expect("a good scenario");
    RunResult::of("s", &scenario, &Story::failover().acted(30.0, 31.0, "pg1").events)
}

#[test]
fn events_fit_their_kinds() {
    let story = Story::failover()
        .acted(62.0, 63.0, "pg1")
        .list(64.0, &[("pg1", "leader", "running")])
        .log(65.0, "pg1", "INFO", "x")
        .streaming(66.0, "pg1", &["pg2"])
        .process(67.0, "pg1", "postgres", None)
        .stopped(68.0, "pg1")
        .tell(69.0, "pg1", Source::Postgres, Kind::Lsn, json!("0/3000148"))
        .tell(69.0, "", Source::Etcd, Kind::EtcdReachable, json!("unreachable: x"))
        .tell(69.0, "", Source::Client, Kind::Trouble, json!("x"))
        .tell(69.0, "pg2", Source::Patroni, Kind::Cluster, json!({"members": {}, "paused": true}));
    let validator = validator("event");
    for event in &story.events {
        let problems = problems(&validator, &json!(event));
        assert!(problems.is_empty(), "{event:?}: {}", problems.join("\n"));
    }
}

#[test]
fn what_is_no_event_of_its_kind_does_not_fit() {
    let validator = validator("event");
    let story = Story::failover();
    for event in &story.events {
        for nonsense in [json!(7), json!({"zzz": 1}), json!([])] {
            let mut event = json!(event);
            event["after"] = nonsense;
            // Who streams from a node is a map of any names.
            assert!(event["kind"] == "replication" || !validator.is_valid(&event), "{event}");
        }
    }
    let mut event = json!(story.events[0]);
    event["kind"] = json!("zzz");
    assert!(!validator.is_valid(&event));
}

#[test]
fn results_fit() {
    assert_fits("result", &result());
    let empty = Scenario::parse("s.toml", "s", SCENARIO).expect("a good scenario");
    assert_fits("result", &RunResult::of("s", &empty, &[]));
}

#[test]
fn a_suites_journal_and_result_fit() {
    let turn = TurnOutline { id: "s".to_owned(), title: "x".to_owned(), row: None, document: None };
    let suite = Outline {
        id: "suite".to_owned(),
        title: "x".to_owned(),
        description: None,
        source: None,
        repeat: 1,
        sections: vec![SectionOutline { title: None, scenarios: vec![turn] }],
    };
    assert_fits("run-list", &suite);
    let (text, number) = (|| "x".to_owned(), 1.5);
    let notes = [
        Note::Begun { at: jiff::Timestamp::UNIX_EPOCH, suite },
        Note::Lab { lab: text(), why: text(), stands: true, took_s: number, error: Some(text()) },
        Note::Runs { scenario: "s".to_owned(), repetition: 1, directory: "s".to_owned() },
        Note::Ran {
            scenario: "s".to_owned(),
            repetition: 1,
            directory: Some("s".to_owned()),
            took_s: number,
            health_s: number,
            error: None,
        },
        Note::Healed {
            after: Some("s".to_owned()),
            repetition: 1,
            took_s: number,
            mended: vec![text()],
            lost: None,
        },
        Note::Ended { took_s: number, interrupted: false, stopped: Some(text()) },
    ];
    for note in &notes {
        assert_fits("suite-journal", note);
    }
    let runs = BTreeMap::from([("s".to_owned(), result())]);
    assert_fits("suite-result", &SuiteResult::of("suite", &notes, &runs));
}

/// A schema that takes anything is none.
#[test]
fn no_schema_takes_anything() {
    for document in documents() {
        let validator = validator(document.name);
        for nonsense in [json!(null), json!(7), json!("x"), json!([]), json!({}), json!({"zzz": 1})] {
            assert!(!validator.is_valid(&nonsense), "{} takes {nonsense}", document.name);
        }
    }
}
