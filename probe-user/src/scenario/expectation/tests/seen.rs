//! Sights, logs and bounds that count from steps.

use proptest::prelude::*;

use super::{
    super::Evidence,
    Verdict::{Error, Fail, Pass},
    judge, table,
};
use crate::{
    record::story::{FAST, Story},
    scenario::Scenario,
};

/// The failover, as the list, the logs, the processes and the replication show it.
fn watched_failover() -> Story {
    let reset = "Traceback (most recent call last):\n  \
                 File \"/usr/lib/python3.11/socketserver.py\", line 691, in process_request_thread\n    \
                 self.finish_request(request, client_address)\n\
                 ConnectionResetError: [Errno 104] Connection reset by peer";
    let mut story = Story::failover()
        .list(
            -9.0,
            &[("pg1", "leader", "running"), ("pg2", "replica", "streaming"), ("pg3", "replica", "streaming")],
        )
        .list(21.2, &[("pg2", "replica", "running"), ("pg3", "replica", "running")])
        .list(22.2, &[("pg2", "leader", "running"), ("pg3", "replica", "streaming")])
        .list(
            50.2,
            &[("pg1", "replica", "streaming"), ("pg2", "leader", "running"), ("pg3", "replica", "streaming")],
        )
        .streaming(-9.0, "pg1", &["pg2", "pg3"])
        .streaming(23.2, "pg2", &["pg3"])
        .streaming(49.2, "pg2", &["pg1", "pg3"])
        .process(48.2, "pg1", "postgres", None)
        .process(48.7, "pg1", "postgres", Some(777))
        .log(22.7, "pg2", "INFO", "promoted self to leader by acquiring session lock")
        .log(45.2, "pg1", "WARNING", reset);
    for (number, node) in (10..).zip(["pg1", "pg2", "pg3"]) {
        story = story
            .process(-9.0, node, "patroni", Some(number))
            .process(-9.0, node, "postgres", Some(number + 100))
            .log(-9.0, node, "ERROR", "an error before all began")
            .log(1.0, node, "INFO", "no action. I am a member");
    }
    story
}

#[test]
fn what_can_be_seen_at_a_moment() {
    table(
        &watched_failover(),
        &[
            (r#"that = "listed"; node = "@leader"; state = "absent"; within = "25s""#, Pass, "after 21.0 s"),
            (
                r#"that = "listed"; node = "@leader"; state = "present"; after = "revert"; within = "25s""#,
                Pass,
                "10.0 s after the revert",
            ),
            (
                r#"that = "listed"; node = "@new-leader"; role = "leader"; state = "running"; within = "25s""#,
                Pass,
                "after 22.0 s",
            ),
            (
                r#"that = "listed"; node = "@other-replica"; state = ["stopped", "running"]; within = "25s""#,
                Pass,
                "after 21.0 s",
            ),
            (
                r#"that = "listed"; node = "@other-replica"; state = "stopped"; within = "25s""#,
                Fail,
                "never, in the 60.8 s that were watched (pg3: replica, streaming at the end)",
            ),
            (
                r#"that = "port"; node = "@old-leader"; meets = "times-out"; within = "5s""#,
                Pass,
                "after 0.8 s",
            ),
            (
                r#"that = "port"; node = "@leader"; meets = ["refused", "reset"]; within = "5s""#,
                Fail,
                "never, in the 60.8 s that were watched (pg1: accepts at the end)",
            ),
            (
                r#"that = "port"; node = "@leader"; meets = "accepts"; after = "revert"; within = "5s""#,
                Pass,
                "4.7 s after the revert",
            ),
            (
                r#"that = "rest"; node = "@leader"; answers = "any"; after = "revert"; within = "5s""#,
                Pass,
                "5.0 s after the revert",
            ),
            (
                r#"that = "replication"; node = "@leader"; streaming = true; after = "revert"; within = "10s""#,
                Pass,
                "9.0 s after the revert",
            ),
            (
                r#"that = "replication"; node = "@other-replica"; streaming = false; within = "25s""#,
                Pass,
                "after 20.0 s",
            ),
            (
                r#"that = "process"; node = "@leader"; server = "postgres"; state = "gone"; within = "50s""#,
                Pass,
                "after 48.0 s",
            ),
            (
                r#"that = "process"; node = "@leader"; server = "postgres"; state = "another"; within = "50s""#,
                Pass,
                "after 48.5 s",
            ),
            (r#"that = "leader-is"; node = "@any-replica""#, Pass, "pg2 did"),
            (r#"that = "leader-is"; node = "@leader""#, Fail, "pg2 did"),
            (r#"that = "timeline-unchanged""#, Fail, "from 1 to 2"),
        ],
    );
}

#[test]
fn what_stays() {
    table(
        &watched_failover(),
        &[
            (r#"that = "process"; node = "*"; server = "patroni""#, Pass, "it was so"),
            (r#"that = "process"; node = "@leader"; server = "postgres""#, Pass, "it was so"),
            (
                r#"that = "process"; node = "@leader"; server = "postgres"; throughout = true; until = "end""#,
                Fail,
                "pg1: no process after 48.0 s",
            ),
            (
                r#"that = "listed"; node = "@any-replica"; state = "present"; throughout = true"#,
                Pass,
                "it was so",
            ),
            (
                r#"that = "listed"; node = "@leader"; state = "present"; throughout = true; for = "20s""#,
                Pass,
                "it was so",
            ),
            (
                r#"that = "listed"; node = "@leader"; state = "present"; throughout = true; for = "22s""#,
                Fail,
                "pg1: not listed after 21.0 s",
            ),
            (
                r#"that = "server"; node = "@leader"; proxy = "primary"; status = "DOWN"; throughout = true"#,
                Fail,
                "pg1: UP (L7OK/200) after 0.0 s",
            ),
            (
                r#"that = "server"; node = "@leader"; proxy = "primary"; status = "DOWN"; throughout = true; not_before = "15s"; until = "revert""#,
                Pass,
                "it was so",
            ),
            (
                r#"that = "rest"; node = "@leader"; answers = "silent"; throughout = true; not_before = "3s""#,
                Pass,
                "it was so",
            ),
            (
                r#"that = "inside"; node = "@leader"; writable = true; throughout = true; until = "end""#,
                Fail,
                "pg1: read-only after 44.5 s",
            ),
            (
                r#"that = "listed"; node = "@any-replica"; state = "present"; throughout = true; after = "revert"; for = "60s""#,
                Error,
                "the run ended 39.2 s too early to tell",
            ),
            (
                r#"that = "port"; node = "pg9"; meets = "accepts"; throughout = true"#,
                Error,
                "the PostgreSQL port of pg9 was never seen",
            ),
            (r#"that = "leader-unchanged"; for = "ttl - 1s""#, Pass, "it did"),
            (r#"that = "leader-unchanged"; for = "ttl + 1s""#, Fail, "nobody held it after 20.0 s"),
            (
                r#"that = "listed"; node = "@leader"; state = "present"; throughout = true; for = "5m""#,
                Fail,
                "pg1: not listed after 21.0 s",
            ),
            (r#"that = "leader-unchanged"; for = "5m""#, Fail, "nobody held it after 20.0 s"),
        ],
    );
}

#[test]
fn what_the_logs_say() {
    let story = watched_failover();
    table(
        &story,
        &[
            (r#"that = "log"; contains = "promoted self""#, Pass, "pg2 after 22.5 s"),
            (r#"that = "log"; node = "@leader"; contains = "promoted self""#, Fail, "it has none"),
            (r#"that = "log"; contains = "promoted self"; within = "ttl""#, Fail, "after 22.5 s"),
            (r#"that = "log"; contains = "promoted self"; level = "ERROR""#, Fail, "it has none"),
            (r#"that = "log"; lacks = "an error""#, Pass, "it has none"),
            (
                r#"that = "log"; node = "pg1"; lacks = "Traceback""#,
                Fail,
                "pg1 after 45.0 s: Traceback (most recent call last):",
            ),
            (r#"that = "log"; node = "pg9"; lacks = "x""#, Error, "the log of pg9 was never seen"),
            (r#"that = "tracebacks""#, Pass, "one benign traceback"),
            (
                r#"that = "tracebacks"; benign = "expected""#,
                Pass,
                "pg1 after 45.0 s: ConnectionResetError: [Errno 104] Connection reset by peer",
            ),
            (
                r#"that = "tracebacks"; benign = "expected"; after = "revert"; within = "2s""#,
                Fail,
                "5.0 s after the revert",
            ),
            (r#"that = "tracebacks"; node = "@new-leader"; benign = "expected""#, Fail, "there was none"),
            (
                r#"that = "tracebacks"; benign = "none""#,
                Fail,
                "pg1 after 45.0 s: ConnectionResetError: [Errno 104] Connection reset by peer",
            ),
        ],
    );
    let other =
        "Traceback (most recent call last):\n  File \"/x/ha.py\", line 1, in run\n    raise\nKeyError: 'x'";
    let story = story.log(30.2, "pg3", "ERROR", other);
    table(
        &story,
        &[
            (r#"that = "tracebacks"; benign = "expected""#, Fail, "pg3 after 30.0 s: KeyError: 'x'"),
            (
                r#"that = "tracebacks"; benign = "expected"; other = "allowed""#,
                Pass,
                "pg1 after 45.0 s: ConnectionResetError: [Errno 104] Connection reset by peer",
            ),
        ],
    );
}

#[test]
fn writes_may_stop_for_a_while() {
    let never = Story::healthy().writing(-5.0, 40.0).applied(0.0, "pg1").hit(0.5, "pg1", 0.0, 9);
    table(&never, &[(r#"that = "writes-stop"; at_most = "5s""#, Pass, "they never stopped")]);
    table(
        &Story::failover(),
        &[
            (r#"that = "writes-stop"; at_most = "30s""#, Pass, "longest outage: 25.0 s"),
            (r#"that = "writes-stop"; at_most = "ttl""#, Fail, "longest outage: 25.0 s"),
            (
                r#"that = "writes-stop"; within = "5s"; at_most = "30s""#,
                Pass,
                "after 0.0 s, longest outage: 25.0 s",
            ),
            (
                r#"that = "writes-stop"; after = "revert"; within = "5s"; at_most = "30s""#,
                Fail,
                "never, in the 20.8 s that were watched",
            ),
        ],
    );
}

/// The attempt that meets the fault began before it.
#[test]
fn writes_stop_with_the_attempt_that_was_under_way() {
    let story = Story::healthy().writing(-5.0, 9.8).applied(0.0, "pg1").hit(0.5, "pg1", 0.0, 9);
    let story = story.named_step(10.0, "start", "begin").named_step(10.1, "start", "end");
    let story = story.write(11.9, 2.0, "failed").writing(14.0, 20.0);
    let text = "title = \"t\"\n[[step]]\nkill = \"postgres\"\nnode = \"pg1\"\nas = \"start\"\n\
                [[expect]]\nthat = \"writes-stop\"\nafter = \"start\"\nwithin = \"3s\"";
    let scenario = Scenario::parse("s.toml", "s", text).unwrap_or_else(|error| panic!("{error:?}"));
    let judgement = scenario.expectations[0].judge(&Evidence::new(&story.events, FAST));
    assert_eq!(judgement.verdict, Pass, "{judgement:?}");
    assert!(judgement.observed.starts_with("0.0 s after"), "{judgement:?}");
}

#[test]
fn bounds_count_from_steps_with_a_name() {
    let story = Story::failover().named_step(20.0, "start", "begin").named_step(22.0, "start", "end");
    let judge = |kind: &str, expect: &str| {
        let text = format!(
            "title = \"t\"\n[[step]]\n{kind}\nas = \"start\"\n[[expect]]\n{expect}\nnode = \"@new-leader\""
        );
        let scenario = Scenario::parse("s.toml", "s", &text).unwrap_or_else(|error| panic!("{error:?}"));
        let judgement = scenario.expectations[0].judge(&Evidence::new(&story.events, FAST));
        (judgement.verdict, judgement.expected, judgement.observed)
    };
    let up = "that = \"server\"\nproxy = \"primary\"\nstatus = \"UP\"\nwithin = \"5s\"\nafter = \"start\"";
    let (_, expected, observed) = judge("run = [\"true\"]", up);
    assert_eq!(expected, "HAProxy has pg2 UP in primary within 5.0 s of `start`");
    assert_eq!(observed, "4.2 s after `start`");
    // What waits is over when it ends.
    assert_eq!(judge("wait = \"2s\"", up).2, "2.2 s after `start`");
    let stays =
        "that = \"listed\"\nstate = \"present\"\nthroughout = true\nafter = \"start\"\nuntil = \"revert\"";
    let (verdict, expected, _) = judge("wait = \"2s\"", stays);
    assert_eq!(verdict, Error, "nobody watched the list");
    assert_eq!(expected, "`patronictl list` shows pg2 throughout 18.2 s from `start` on");
}

#[test]
fn a_flicker_of_a_probe_is_no_breach() {
    let story = Story::healthy()
        .applied(0.0, "pg1")
        .hit(0.1, "pg1", 0.0, 1)
        .silent(5.0, "pg2")
        .rest(5.8, "pg2", "replica")
        .server(5.0, "pg2", "replica", "DOWN")
        .server(5.8, "pg2", "replica", "UP")
        .silent(7.0, "pg3")
        .rest(8.2, "pg3", "replica")
        .reverted(20.0, "pg1");
    table(
        &story,
        &[
            (r#"that = "rest"; node = "pg2"; answers = 200; throughout = true"#, Pass, "it was so"),
            (
                r#"that = "rest"; node = "pg3"; answers = 200; throughout = true"#,
                Fail,
                "pg3: times out after 7.0 s",
            ),
            (
                r#"that = "server"; node = "pg2"; proxy = "replica"; status = "UP"; throughout = true"#,
                Fail,
                "pg2: DOWN (L7TOUT) after 5.0 s",
            ),
        ],
    );
}

proptest! {
    /// A state stays throughout exactly where its opposite is not seen within.
    #[test]
    fn what_stays_is_what_its_opposite_never_breaks(
        changes in prop::collection::vec((0_u32..400, any::<bool>()), 0..12),
        length in 1_u32..300,
    ) {
        let mut story = Story::healthy().applied(0.0, "pg1").hit(0.1, "pg1", 0.0, 1);
        for (at, there) in changes {
            story = story.member(f64::from(at) / 10.0, "pg2", there.then_some("replica"));
        }
        let story = story.reverted(50.0, "pg1");
        let length = format!("{}ms", length * 100);
        let stays = judge(
            &format!(r#"that = "member-key"; node = "pg2"; state = "present"; throughout = true; for = "{length}""#),
            &story,
        );
        let breaks = judge(
            &format!(r#"that = "member-key"; node = "pg2"; state = "absent"; within = "{length}""#),
            &story,
        );
        prop_assert_eq!(stays.verdict == Pass, breaks.verdict == Fail, "{:?} {:?}", stays, breaks);
        if stays.verdict == Fail {
            prop_assert_eq!(stays.at_s, breaks.at_s);
        }
    }
}
