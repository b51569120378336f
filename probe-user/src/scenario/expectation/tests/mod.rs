//! Expectations against hand-written records.

mod seen;

use super::{Evidence, Verdict};
use crate::{
    record::story::{FAST, Story},
    scenario::{Judgement, Scenario},
};

/// What becomes of one `[[expect]]` table.
fn judge(expect: &str, story: &Story) -> Judgement {
    let text = format!("title = \"t\"\n[[step]]\nwait = \"1s\"\n[[expect]]\n{}", expect.replace("; ", "\n"));
    let scenario =
        Scenario::parse("s.toml", "s", &text).unwrap_or_else(|error| panic!("{expect}: {error:?}"));
    scenario.expectations[0].judge(&Evidence::new(&story.events, FAST))
}

fn table(story: &Story, rows: &[(&str, Verdict, &str)]) {
    for (expect, verdict, observed) in rows {
        let judgement = judge(expect, story);
        assert_eq!((judgement.verdict, judgement.observed.as_str()), (*verdict, *observed), "{expect}");
    }
}

use Verdict::{Error, Fail, Pass};

#[test]
fn a_failover() {
    table(
        &Story::failover(),
        &[
            (r#"that = "leader-lost"; within = "ttl + loop_wait""#, Pass, "after 20.0 s"),
            (r#"that = "leader-lost"; within = "15s""#, Fail, "after 20.0 s"),
            (r#"that = "leader-lost"; within = "60s"; not_before = "25s""#, Fail, "after 20.0 s"),
            (r#"that = "new-leader"; within = "ttl + 5s""#, Pass, "pg2 after 22.0 s"),
            (r#"that = "leader-unchanged""#, Fail, "nobody held it after 20.0 s"),
            (
                r#"that = "server"; node = "@leader"; proxy = "primary"; status = "DOWN"; within = "15s""#,
                Pass,
                "after 12.0 s",
            ),
            (
                r#"that = "server"; node = "@new-leader"; proxy = "primary"; status = "UP"; within = "30s""#,
                Pass,
                "after 24.0 s",
            ),
            (
                r#"that = "server"; node = "pg9"; proxy = "primary"; status = "UP"; within = "30s""#,
                Error,
                "HAProxy of pg9 was never seen",
            ),
            (r#"that = "rest"; node = "@leader"; answers = "silent"; within = "5s""#, Pass, "after 3.0 s"),
            (
                r#"that = "rest"; node = "@leader"; answers = 200; after = "revert"; within = "10s""#,
                Pass,
                "5.0 s after the revert",
            ),
            (r#"that = "rest"; node = "@replica"; answers = 200; within = "1s""#, Pass, "after 0.0 s"),
            (
                r#"that = "rest"; node = "pg2"; answers = 503; within = "90s""#,
                Fail,
                "never, in the 60.8 s that were watched (pg2: 200 primary running at the end)",
            ),
            (
                r#"that = "member-key"; node = "@leader"; state = "absent"; within = "25s""#,
                Pass,
                "after 21.0 s",
            ),
            (
                r#"that = "member-key"; node = "@leader"; state = "present"; after = "revert"; within = "3s""#,
                Fail,
                "5.5 s after the revert",
            ),
            (r#"that = "member-back"; after = "revert"; within = "cut""#, Pass, "7.0 s after the revert"),
            (r#"that = "writes-stop"; within = "5s""#, Pass, "after 0.0 s"),
            (r#"that = "writes-continue""#, Fail, "none was acknowledged for 25.0 s"),
            (r#"that = "writes-back"; within = "30s""#, Pass, "after 25.0 s"),
            (
                r#"that = "writes-back"; after = "revert"; within = "30s""#,
                Fail,
                "never, in the 20.8 s that were watched",
            ),
            (r#"that = "no-acknowledged-write-lost""#, Fail, "1 of 83 lost"),
            (r#"that = "acknowledged-writes-lost"; at_most = 1"#, Pass, "1 of 83 lost"),
            (r#"that = "two-writable-primaries"; at_least = "ttl""#, Pass, "pg1 and pg2 for 22.0 s"),
            (r#"that = "two-writable-primaries"; at_most = "ttl""#, Fail, "pg1 and pg2 for 22.0 s"),
            (r#"that = "timeline-grows""#, Pass, "from 1 to 2"),
            (
                r#"that = "inside"; node = "@leader"; writable = false; after = "revert"; within = "10s""#,
                Pass,
                "4.5 s after the revert",
            ),
            (
                r#"that = "inside"; node = "@new-leader"; writable = true; within = "1s""#,
                Fail,
                "after 22.5 s",
            ),
        ],
    );
}

#[test]
fn nothing_happened() {
    let story = Story::healthy()
        .writing(-5.0, 40.0)
        .applied(0.0, "pg1")
        .hit(0.5, "pg1", 0.0, 9)
        .reverted(30.0, "pg1")
        .rows(41.0, &[]);
    table(
        &story,
        &[
            (r#"that = "leader-lost"; within = "ttl""#, Fail, "never, in the 41.0 s that were watched"),
            (r#"that = "new-leader"; within = "ttl""#, Fail, "never, in the 41.0 s that were watched"),
            (r#"that = "leader-unchanged""#, Pass, "it did"),
            (r#"that = "writes-stop"; within = "ttl""#, Fail, "never, in the 41.0 s that were watched"),
            (r#"that = "writes-continue""#, Pass, "they did"),
            (
                r#"that = "member-back"; after = "revert"; within = "60s""#,
                Fail,
                "never, in the 11.0 s that were watched (or they had never stopped taking part)",
            ),
            (
                r#"that = "server"; node = "@new-leader"; proxy = "primary"; status = "UP"; within = "30s""#,
                Error,
                "no node was @new-leader in this run",
            ),
            (r#"that = "no-acknowledged-write-lost""#, Pass, "0 of 90 lost"),
            (r#"that = "two-writable-primaries"; at_least = "1s""#, Fail, "never"),
            (r#"that = "two-writable-primaries"; at_most = "0s""#, Pass, "never"),
            (r#"that = "timeline-grows""#, Fail, "from 1 to 1"),
        ],
    );
}

#[test]
fn what_nobody_saw_cannot_be_judged() {
    let story = Story::default().applied(0.0, "pg1").reverted(30.0, "pg1");
    for expect in [
        r#"that = "leader-lost"; within = "ttl""#,
        r#"that = "new-leader"; within = "ttl""#,
        r#"that = "leader-unchanged""#,
        r#"that = "server"; node = "pg1"; proxy = "primary"; status = "UP"; within = "30s""#,
        r#"that = "rest"; node = "@leader"; answers = 200; within = "30s""#,
        r#"that = "member-key"; node = "pg1"; state = "absent"; within = "25s""#,
        r#"that = "writes-stop"; within = "5s""#,
        r#"that = "writes-continue""#,
        r#"that = "no-acknowledged-write-lost""#,
        r#"that = "two-writable-primaries"; at_most = "0s""#,
        r#"that = "timeline-grows""#,
        r#"that = "inside"; node = "pg1"; writable = false; within = "10s""#,
    ] {
        assert_eq!(judge(expect, &story).verdict, Error, "{expect}");
    }
    let never_reverted = Story::healthy().applied(0.0, "pg1");
    let judgement = judge(r#"that = "member-back"; after = "revert"; within = "cut""#, &never_reverted);
    assert_eq!((judgement.verdict, judgement.observed.as_str()), (Error, "no cut was reverted"));
}

#[test]
fn the_leader_of_an_expectation_is_the_one_at_the_time_of_the_cut() {
    let story = Story::healthy()
        .leader(-5.0, Some("pg3"))
        .applied(0.0, "pg3")
        .leader(9.0, Some("pg2"))
        .member(10.0, "pg3", None);
    table(
        &story,
        &[
            (
                r#"that = "member-key"; node = "@leader"; state = "absent"; within = "25s""#,
                Pass,
                "after 10.0 s",
            ),
            (r#"that = "new-leader"; within = "ttl""#, Pass, "pg2 after 9.0 s"),
        ],
    );
}
