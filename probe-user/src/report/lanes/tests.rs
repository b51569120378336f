//! Lanes of hand-written stories.

use std::fmt::Write;

use super::{BandKind, CLIENTS, CLUSTER, DONE, Lane, Lanes, Plot, State, lanes};
use crate::record::{
    Kind, Source,
    story::{Story, boot},
};

/// A picture in words: what a reader of the drawn one sees.
fn told(lanes: &Lanes) -> String {
    let mut text = String::new();
    for Lane { group, name, spans, marks, plot } in &lanes.rows {
        let _ = writeln!(text, "{group} | {name}");
        for span in spans {
            let line = span.line.map_or("?".to_owned(), |line| line.to_string());
            let _ = writeln!(
                text,
                "  {:>6.1} to {:>5.1}  {:<5} {} (line {line})",
                span.from_s,
                span.to_s,
                span.state.class(),
                span.words
            );
        }
        for mark in marks {
            let line = mark.line.map_or("?".to_owned(), |line| line.to_string());
            let _ =
                writeln!(text, "  {:>6.1}  {} {} (line {line})", mark.at_s, mark.tone.symbol(), mark.words);
        }
        match plot {
            Plot::None => {}
            Plot::Counter(points) => {
                let points: Vec<_> =
                    points.iter().map(|one| format!("{:.1}: {}", one.at_s, one.count)).collect();
                let _ = writeln!(text, "  counted {}", points.join(", "));
            }
            Plot::Writes(bins) => {
                let sum = |count: fn(&super::Bin) -> u64| bins.iter().map(count).sum::<u64>();
                let _ = writeln!(
                    text,
                    "  {} bins: {} acknowledged, {} failed, {} unknown",
                    bins.len(),
                    sum(|bin| bin.acknowledged),
                    sum(|bin| bin.failed),
                    sum(|bin| bin.unknown)
                );
            }
        }
    }
    for band in &lanes.bands {
        let _ = writeln!(text, "over all: {:.1} to {:.1} {}", band.from_s, band.to_s, band.words);
    }
    text
}

#[test]
fn a_failover_has_a_lane_for_everything_that_was_watched() {
    insta::assert_snapshot!(told(&lanes(&Story::failover().events)));
}

/// The spans of one lane, each as its state and words.
fn spans(story: &Story, group: &str, name: &str) -> Vec<String> {
    let lanes = lanes(&story.events);
    let lane = lanes.rows.iter().find(|lane| lane.group == group && lane.name == name);
    let spans = lane.map(|lane| lane.spans.clone()).unwrap_or_default();
    spans
        .iter()
        .map(|span| format!("{:.1}-{:.1} {} {}", span.from_s, span.to_s, span.state.class(), span.words))
        .collect()
}

#[test]
fn what_each_sight_is_called() {
    let answer = |status: u16, role: &str| serde_json::json!({"answers": {"status": status, "role": role, "state": "running", "timeline": 1}});
    let story = Story::default()
        .tell(0.0, "pg1", Source::Patroni, Kind::Rest, answer(200, "primary"))
        .tell(1.0, "pg1", Source::Patroni, Kind::Rest, answer(503, "replica"))
        .silent(2.0, "pg1")
        .silent(3.0, "pg1")
        .port(0.0, "pg1", "refused")
        .port(4.0, "pg1", "accepts")
        .stopped(1.0, "pg1")
        .inside(2.0, "pg1", true, 1)
        .inside(3.0, "pg2", true, 1)
        .stopped(4.0, "pg2")
        .server(1.0, "pg1", "primary", "UP")
        .server(2.0, "pg1", "replica", "UP")
        .server(3.0, "pg1", "primary", "DOWN")
        .server(4.0, "pg1", "replica", "DOWN")
        .leader(0.5, Some("pg1"))
        .leader(1.0, None)
        .member(2.0, "pg1", Some("replica"))
        .member(3.0, "pg1", None)
        .tell(5.0, "", Source::Etcd, Kind::EtcdReachable, serde_json::json!("reachable"))
        .tell(6.0, "", Source::Etcd, Kind::EtcdReachable, serde_json::json!("unreachable: timed out"))
        .tell(1.0, "pg1", Source::Postgres, Kind::OpenSession, serde_json::json!("answers"))
        .tell(
            3.0,
            "pg1",
            Source::Postgres,
            Kind::OpenSession,
            serde_json::json!({"hangs": {"since": boot(2.0)}}),
        )
        .tell(5.0, "pg1", Source::Postgres, Kind::OpenSession, serde_json::json!({"ended": "reset"}))
        .rows(8.0, &[]);
    for (group, name, expected) in [
        (
            "pg1",
            "REST API",
            "0.0-1.0 lead 200 primary running, 1.0-2.0 odd 503 replica running, 2.0-8.0 bad times out",
        ),
        ("pg1", "PostgreSQL, outside", "0.0-4.0 bad refused, 4.0-8.0 well accepts"),
        (
            "pg1",
            "Open session",
            "1.0-2.0 well answers, 2.0-5.0 bad hangs: neither an answer nor an end, 5.0-8.0 gone no session: reset",
        ),
        ("pg1", "PostgreSQL, inside", "1.0-2.0 bad stopped, 2.0-8.0 lead writable"),
        (
            "pg1",
            "HAProxy sends",
            "1.0-2.0 lead primary UP, 2.0-3.0 lead primary, replica UP, 3.0-4.0 well replica UP, 4.0-8.0 bad nobody: DOWN",
        ),
        ("pg1", "Role in etcd", "0.5-2.0 lead leader, 2.0-3.0 well replica, 3.0-8.0 gone no member key"),
        (CLUSTER, "Leader key (DCS)", "0.5-1.0 lead pg1, 1.0-8.0 bad nobody"),
        (
            CLUSTER,
            "Accepts writes",
            "1.0-2.0 bad nobody, 2.0-3.0 lead pg1, 3.0-4.0 alarm TWO WRITABLE PRIMARIES: pg1 and pg2, 4.0-8.0 lead pg1",
        ),
        (CLUSTER, "etcd (DCS)", "5.0-6.0 well reachable, 6.0-8.0 bad unreachable: timed out"),
        ("pg3", "REST API", ""),
    ] {
        assert_eq!(spans(&story, group, name).join(", "), expected, "{group}, {name}");
    }
}

#[test]
fn writes_are_told_by_their_outages() {
    let story = Story::default()
        .writing(0.0, 3.0)
        .write(5.0, 2.0, "failed")
        .write(7.0, 2.0, "unknown")
        .writing(7.5, 9.0)
        .write(11.5, 2.2, "failed");
    assert_eq!(
        spans(&story, CLIENTS, "Writes"),
        [
            "0.0-3.0 well 6 writes acknowledged",
            "3.0-7.5 bad no write for 4.5 s, 1 failed, 1 of unknown fate",
            "7.5-9.3 well 3 writes acknowledged",
            "9.3-11.5 bad no write for 2.2 s, and none until the end, 1 failed",
        ]
    );
}

#[test]
fn a_cut_lasts_until_its_revert_its_lease_or_the_end() {
    let begun = Story::healthy().applied(0.0, "pg1");
    for (story, to_s) in [
        (begun.clone().reverted(9.0, "pg1").writing(9.0, 20.0), 9.0),
        (begun.clone().writing(9.0, 20.0), 19.5),
        (begun.writing(9.0, 90.0), 60.0),
    ] {
        let lanes = lanes(&story.events);
        let cut =
            lanes.rows.iter().find(|lane| lane.group == DONE && lane.name == "Cut of pg1").expect("a cut");
        assert_eq!((cut.spans[0].from_s, cut.spans[0].to_s), (0.0, to_s));
        let bands: Vec<_> = lanes.bands.iter().filter(|band| band.kind == BandKind::Cut).collect();
        assert_eq!((bands.len(), bands[0].to_s), (1, to_s));
        assert_eq!(cut.plot, Plot::Counter(Vec::new()), "it hit nothing");
    }
}

#[test]
fn a_step_that_never_ended_lasts_until_the_end_and_one_that_failed_says_why() {
    let story = Story::healthy().step(0.0, 0, "wait 3s", "begin").step(3.0, 0, "wait 3s", "end").tell(
        4.0,
        "",
        Source::Scenario,
        Kind::Step,
        serde_json::json!({"index": 1, "what": "apply x", "phase": "begin"}),
    );
    let failed = story.clone().tell(
        5.0,
        "",
        Source::Scenario,
        Kind::Step,
        serde_json::json!({"index": 1, "what": "apply x", "phase": "end", "error": "no BPF"}),
    );
    assert_eq!(spans(&story.writing(6.0, 7.0), DONE, "Steps").len(), 2);
    let lanes = lanes(&failed.writing(6.0, 7.0).events);
    let last = lanes.rows[0].spans.last().expect("a step");
    assert_eq!((last.state, last.words.as_str()), (State::Bad, "apply x: no BPF"));
}

#[test]
fn an_empty_record_has_no_lanes() {
    assert_eq!(lanes(&[]), Lanes::default());
}
