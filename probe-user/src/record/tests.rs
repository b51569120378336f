//! Transitions and metrics of hand-written records.

use proptest::prelude::*;
use serde_json::json;

use super::{
    Event, Follower, Kind, Metrics, Source, View, What, ZeroFrom, in_order, metrics,
    story::{Story, boot},
    transitions, zero,
};

/// Transitions in a line each.
fn told(events: &[Event]) -> Vec<String> {
    let word = |what: What| json!(what).as_str().unwrap_or_default().to_owned();
    transitions(events).iter().map(|t| format!("{:.1} {} {}", t.at_s, t.subject, word(t.what))).collect()
}

#[test]
fn a_failover_is_told_in_its_order() {
    insta::assert_snapshot!(told(&Story::failover().events).join("\n"));
}

#[test]
fn a_follower_tells_the_same_and_forgets_it() {
    let events = Story::failover().events;
    let mut follower = Follower::new(boot(0.2));
    let (mut told, mut held) = (Vec::new(), 0);
    for event in in_order(&events) {
        follower.take(event);
        let settled = follower.settled(event.boot_ns);
        held += usize::from(settled.iter().any(|one| event.boot_ns > one.at));
        told.extend(settled);
    }
    assert!(held > 0, "something was found, or was sure, only later");
    told.extend(follower.settled(boot(100.0)));
    assert!(follower.settled(boot(200.0)).is_empty(), "nothing is told twice");
    told.sort_by_key(|one| one.at);
    assert_eq!(told, transitions(&events));
}

#[test]
fn a_follower_holds_back_what_may_be_taken_back() {
    let mut follower = Follower::new(boot(0.0));
    let mut told = |story: Story, now: f64| {
        for event in &story.events {
            follower.take(event);
        }
        follower.settled(boot(now)).iter().map(|one| one.what).collect::<Vec<_>>()
    };
    assert_eq!(told(Story::healthy(), 0.0), []);
    assert_eq!(told(Story::default().silent(5.0, "pg2"), 5.9), []);
    assert_eq!(told(Story::default().rest(5.9, "pg2", "replica"), 9.0), [], "a bad moment");
    assert_eq!(told(Story::default().silent(20.0, "pg2"), 20.5), []);
    assert_eq!(told(Story::default(), 21.1), [What::RestSilent]);
    assert_eq!(told(Story::default().leader(30.0, None), 30.0), [What::LeaderLost], "sure at once");
}

#[test]
fn the_numbers_of_a_failover() {
    let numbers = serde_json::to_string_pretty(&metrics(&Story::failover().events)).expect("plain numbers");
    insta::assert_snapshot!(numbers);
}

#[test]
fn where_nothing_happened_nothing_is_told() {
    let events = Story::healthy().writing(0.0, 20.0).events;
    assert!(transitions(&events).is_empty());
    let numbers = metrics(&events);
    assert_eq!(numbers.zero, Some(ZeroFrom::Start));
    assert_eq!(numbers.detection_s, None);
    assert_eq!(numbers.writes_acknowledged, Some(40));
    assert_eq!(numbers.two_writable_primaries, Some(Vec::new()));
    assert_eq!((numbers.two_writable_primaries_s, numbers.write_outage_longest_s), (None, None));
    assert_eq!((numbers.writes_lost, numbers.writes_back_s), (None, None));
}

#[test]
fn where_nobody_watched_nothing_is_known() {
    assert_eq!(metrics(&[]), Metrics::default());
    assert!(transitions(&[]).is_empty());
    let numbers = metrics(&Story::default().applied(0.0, "pg1").reverted(9.0, "pg1").events);
    assert_eq!(numbers, Metrics { zero: Some(ZeroFrom::Applied), ..Metrics::default() });
}

#[test]
fn the_zero_is_the_first_hit_else_the_cut_else_the_first_event() {
    let start = Story::default().leader(-3.0, Some("pg1"));
    let applied = start.clone().applied(1.0, "pg1");
    let hit = applied.clone().hit(3.0, "pg1", 2.0, 5);
    let never = applied.clone().hit(3.0, "pg1", 2.0, 0);
    for (story, at, from) in [
        (start, -3.0, ZeroFrom::Start),
        (applied, 1.0, ZeroFrom::Applied),
        (never, 1.0, ZeroFrom::Applied),
        (hit, 2.0, ZeroFrom::Hit),
    ] {
        let zero = zero(&story.events).expect("there are events");
        assert_eq!((zero.at, zero.from), (boot(at), from));
    }
}

#[test]
fn last_counters_are_as_good_as_a_hit_event() {
    let rules = json!([{"cut": "c0ffee", "rule": 0, "action": "drop", "packets": 4, "bytes": 300,
                        "first": boot(1.5), "last": boot(2.0)}]);
    let reverted = json!({"cut": "c0ffee", "why": "revert", "rules": rules});
    let story = Story::default().applied(1.0, "pg1").tell(5.0, "pg1", Source::Cut, Kind::Reverted, reverted);
    assert_eq!(zero(&story.events).expect("there are events").from, ZeroFrom::Hit);
    assert_eq!(told(&story.events), ["-0.5 pg1 cut-in-force", "0.0 pg1 cut-hit", "3.5 pg1 cut-reverted"]);
}

#[test]
fn a_bad_moment_of_a_probe_is_no_change() {
    let story = Story::healthy().applied(0.0, "pg1");
    let blip = story.clone().silent(5.0, "pg2").rest(5.4, "pg2", "replica");
    assert_eq!(told(&blip.events), ["0.0 pg1 cut-in-force"]);
    let silence = story.clone().silent(5.0, "pg2").rest(7.0, "pg2", "replica");
    assert_eq!(told(&silence.events)[1..], ["5.0 pg2 rest-silent", "7.0 pg2 rest-answers"]);
    // Another probe of the same node in between does not hide it.
    let both = story.silent(5.0, "pg2").port(5.1, "pg2", "refused").rest(5.4, "pg2", "replica");
    assert_eq!(told(&both.events)[1..], ["5.1 pg2 port-fails"]);
}

#[test]
fn one_silence_is_told_once() {
    let story = Story::healthy()
        .port(1.0, "pg1", "times-out")
        .port(2.5, "pg1", "refused")
        .port(9.0, "pg1", "accepts");
    assert_eq!(
        told(&story.events),
        ["10.0 pg1 port-fails", "18.0 pg1 port-accepts"].map(|line| {
            // The zero is the first event, ten seconds before the story's.
            line.replace("10.0", "11.0").replace("18.0", "19.0")
        })
    );
}

#[test]
fn short_pauses_between_writes_are_no_outage() {
    let slow = Story::default().writing(0.0, 5.0).write(6.4, 1.9, "acknowledged").write(6.5, 0.1, "failed");
    assert_eq!(metrics(&slow.events).writes_stopped_s, None);
    assert_eq!(metrics(&slow.events).writes_failed, Some(1));
    // A stalled write that is acknowledged in the end counts from its beginning.
    let stalled = Story::default().writing(0.0, 5.0).write(9.0, 4.0, "acknowledged");
    let numbers = metrics(&stalled.events);
    assert_eq!((numbers.writes_stopped_s, numbers.writes_back_s), (Some(5.0), Some(9.0)));
    assert_eq!(numbers.write_outage_longest_s, Some(4.0));
}

#[test]
fn writes_that_never_come_back_have_no_end() {
    let story = Story::healthy()
        .writing(-5.0, 0.0)
        .applied(0.0, "pg1")
        .write(4.0, 2.0, "failed")
        .write(9.0, 2.0, "failed");
    let numbers = metrics(&story.events);
    assert_eq!((numbers.writes_stopped_s, numbers.writes_back_s), (Some(2.0), None));
    assert_eq!(numbers.write_outage_longest_s, Some(7.0));
}

#[test]
fn two_primaries_that_nobody_ended_count_to_the_last_event() {
    let story = Story::healthy().applied(0.0, "pg1").inside(5.0, "pg2", true, 2).leader(12.0, Some("pg2"));
    let windows = metrics(&story.events).two_writable_primaries.expect("seen from inside");
    assert_eq!(windows.len(), 1);
    assert_eq!((windows[0].from_s, windows[0].to_s, windows[0].open), (5.0, 12.0, true));
    assert_eq!(windows[0].nodes, ["pg1", "pg2"]);
    // A PostgreSQL that stops accepts nothing.
    let ended = story.stopped(20.0, "pg1");
    assert_eq!(metrics(&ended.events).two_writable_primaries_s, Some(15.0));
}

#[test]
fn a_member_that_never_left_is_not_back() {
    let stayed = Story::healthy().applied(0.0, "pg1").reverted(5.0, "pg1").rest(6.0, "pg1", "primary");
    assert_eq!(metrics(&stayed.events).member_back_s, None);
    let short = Story::healthy().applied(0.0, "pg1").silent(2.0, "pg1").reverted(5.0, "pg1");
    assert_eq!(metrics(&short.events).member_back_s, None);
    let back = metrics(&short.rest(8.0, "pg1", "primary").events);
    assert_eq!((back.member_back_s, back.member_back_after_revert_s), (Some(8.0), Some(3.0)));
}

#[test]
fn a_member_that_an_action_was_done_to_is_back_after_the_last_one() {
    let back = |story: &Story| {
        let numbers = metrics(&story.events);
        (numbers.member_back_s, numbers.member_back_after_revert_s)
    };
    let killed = Story::healthy().acted(0.0, 0.5, "pg2");
    assert_eq!(back(&killed), (None, None), "nobody has noticed yet");
    let stopped = killed.silent(2.0, "pg2");
    assert_eq!(back(&stopped), (None, None));
    let started = stopped.clone().acted(10.0, 11.0, "pg2");
    assert_eq!(back(&started), (None, None), "away until somebody sees it");
    let well = started.rest(15.0, "pg2", "replica");
    assert_eq!(back(&well), (Some(15.0), Some(4.0)));
    // Another one begins anew.
    let again = well.acted(20.0, 21.0, "pg3").leader(22.0, Some("pg1"));
    assert_eq!(back(&again), (None, None));
    assert_eq!(back(&again.silent(23.0, "pg3").rest(25.0, "pg3", "replica")), (Some(25.0), Some(4.0)));
    // A request to nobody in particular is no action on a node.
    let switched = stopped.rest(5.0, "pg2", "replica").acted(30.0, 31.0, "");
    assert_eq!(back(&switched), (Some(5.0), Some(4.5)));
}

#[test]
fn a_leader_that_takes_the_key_back_is_no_new_leader() {
    let story = Story::healthy().applied(0.0, "pg1").leader(20.0, None).leader(21.0, Some("pg1"));
    let numbers = metrics(&story.events);
    assert_eq!((numbers.leader_lost_s, numbers.new_leader_s), (Some(20.0), None));
}

#[test]
fn payloads_of_another_shape_change_nothing() {
    let odd = Story::failover()
        .tell(30.0, "pg1", Source::Etcd, Kind::MemberKey, json!(42))
        .tell(30.0, "", Source::Etcd, Kind::LeaderKey, json!("pg9"))
        .tell(30.0, "", Source::Postgres, Kind::Inside, json!({"in_recovery": false}));
    assert_eq!(told(&odd.events), told(&Story::failover().events));
}

/// Transitions with what they went from and to.
fn told_in_full(events: &[Event]) -> Vec<String> {
    let word = |what: What| json!(what).as_str().unwrap_or_default().to_owned();
    let side = |side: &Option<String>| side.clone().unwrap_or_default();
    let line = |t: &super::Transition| {
        format!("{:.1} {} {} {} > {}", t.at_s, t.subject, word(t.what), side(&t.from), side(&t.to))
    };
    transitions(events).iter().map(line).collect()
}

#[test]
fn the_list_tells_states_and_maintenance_only() {
    let list = |members: &[(&str, &str, &str)], paused: bool| {
        let row = |(name, role, state): &(&str, &str, &str)| {
            ((*name).to_owned(), json!({"role": role, "state": state, "timeline": 1}))
        };
        let members: serde_json::Map<_, _> = members.iter().map(row).collect();
        json!({"members": members, "paused": paused})
    };
    let (pg1, pg2) = (("pg1", "leader", "running"), ("pg2", "replica", "streaming"));
    let stopped = ("pg2", "replica", "stopped");
    let story = Story::default().applied(0.0, "pg1");
    let events = [
        (0.0, list(&[pg1, pg2], false)),
        (1.0, list(&[pg1, stopped], false)),
        // Its key is gone and comes back: the member key tells that.
        (2.0, list(&[pg1], false)),
        (3.0, list(&[pg1, pg2], true)),
        (4.0, list(&[pg1, pg2], false)),
        // A switchover: the leader key tells that.
        (5.0, list(&[("pg1", "replica", "running"), ("pg2", "leader", "running")], false)),
        (6.0, list(&[("pg1", "replica", "streaming"), ("pg2", "leader", "running")], false)),
        (7.0, list(&[("pg1", "replica", ""), ("pg2", "leader", "running")], false)),
        // For a moment only.
        (9.0, list(&[("pg1", "replica", "running"), ("pg2", "leader", "running")], false)),
        (9.5, list(&[("pg1", "replica", ""), ("pg2", "leader", "running")], false)),
        // One after another.
        (19.0, list(&[("pg1", "replica", "starting"), ("pg2", "leader", "running")], false)),
        (19.5, list(&[("pg1", "replica", "running"), ("pg2", "leader", "running")], false)),
    ];
    let story = events
        .into_iter()
        .fold(story, |story, (at, after)| story.tell(at, "", Source::Etcd, Kind::List, after));
    assert_eq!(
        told_in_full(&story.events)[1..],
        [
            "1.0 pg2 list-state streaming > stopped",
            "3.0 cluster maintenance-begins  > ",
            "4.0 cluster maintenance-ends  > ",
            "6.0 pg1 list-state running > streaming",
            "7.0 pg1 list-state streaming > ",
            "19.0 pg1 list-state  > starting",
            "19.5 pg1 list-state starting > running",
        ]
    );
}

#[test]
fn standbys_begin_and_end_to_stream() {
    let streams = |state: &str| json!({"state": state, "sync_state": "async"});
    let both = json!({"pg2": streams("streaming"), "pg3": streams("streaming")});
    let events = [
        (0.0, "pg1", both.clone()),
        (0.0, "pg2", json!({})),
        (1.0, "pg1", json!({"pg2": streams("streaming"), "pg3": streams("catchup")})),
        (2.0, "pg1", json!({"pg2": streams("streaming")})),
        (3.0, "pg1", both),
        // PostgreSQL falls silent: that is told elsewhere.
        (4.0, "pg1", json!(null)),
        (5.0, "pg2", json!({"pg3": streams("streaming")})),
        (6.0, "pg1", json!({})),
    ];
    let story = Story::default().applied(0.0, "pg1");
    let story = events.into_iter().fold(story, |story, (at, node, after)| {
        story.tell(at, node, Source::Postgres, Kind::Replication, after)
    });
    assert_eq!(
        told_in_full(&story.events)[1..],
        [
            "1.0 pg3 streaming-ends pg1 > ",
            "3.0 pg3 streaming-begins  > pg1",
            "5.0 pg3 streaming-begins  > pg2",
        ]
    );
}

#[test]
fn tracebacks_are_told_and_not_all_the_time() {
    let text = |exception: &str| {
        let frame = "File \"socketserver.py\", line 691, in process_request_thread";
        format!("Traceback (most recent call last):\n  {frame}\n    x()\n{exception}")
    };
    let (reset, other) =
        (text("ConnectionResetError: [Errno 104] Connection reset by peer"), text("KeyError: 'x'"));
    let entries = [
        (1.0, "pg2", "INFO", "no action".to_owned()),
        (2.0, "pg2", "WARNING", reset.clone()),
        (3.0, "pg2", "WARNING", reset.clone()),
        (4.0, "pg3", "WARNING", reset.clone()),
        (5.0, "pg2", "WARNING", other),
        (6.0, "pg2", "CRITICAL", "a word without a traceback".to_owned()),
        (12.0, "pg2", "WARNING", reset),
    ];
    let story = Story::default().applied(0.0, "pg1");
    let story = entries.into_iter().fold(story, |story, (at, node, level, text)| {
        story.tell(at, node, Source::Log, Kind::Log, json!({"level": level, "text": text}))
    });
    assert_eq!(
        told(&story.events)[1..],
        [
            "2.0 pg2 benign-traceback",
            "4.0 pg3 benign-traceback",
            "5.0 pg2 traceback",
            "12.0 pg2 benign-traceback"
        ]
    );
}

proptest! {
    #[test]
    fn the_order_of_the_file_does_not_matter(seed in prop::collection::vec(any::<u32>(), 200)) {
        let events = Story::failover().events;
        let mut shuffled: Vec<_> = events.iter().cloned().zip(seed.iter().cycle()).collect();
        // Only events of the same moment keep their order: nothing else tells which came first.
        shuffled.sort_by_key(|(event, key)| (*key % 7, event.boot_ns));
        let shuffled: Vec<_> = shuffled.into_iter().map(|(event, _)| event).collect();
        prop_assert_eq!(metrics(&shuffled), metrics(&events));
        prop_assert_eq!(told(&shuffled), told(&events));
    }

    /// What was told is not taken back, beyond a flapping probe's second: the live timeline relies on it. The
    /// beginning of an outage of writes alone is told later than it was.
    #[test]
    fn transitions_of_a_prefix_are_a_prefix(end in 0usize..300) {
        let mut events = Story::failover().events;
        events.sort_by_key(|event| event.boot_ns);
        let end = end.min(events.len());
        let timeless = |events: &[Event]| -> Vec<_> {
            let steady = |what: What| what != What::WritesStopped && what != What::WritesBack && what != What::CutHit;
            let all = transitions(events).into_iter().filter(|t| steady(t.what) && !t.what.may_flap());
            all.map(|t| (t.at, t.subject, t.what, t.from, t.to)).collect()
        };
        let (part, whole) = (timeless(&events[..end]), timeless(&events));
        prop_assert_eq!(&part[..], &whole[..part.len()]);
    }
}

#[test]
fn what_a_cluster_lacks_is_told_node_by_node() {
    let story = Story::healthy();
    let nodes = ["pg1", "pg2", "pg3"];
    let view = |story: &Story| View::after(in_order(&story.events));
    assert_eq!(view(&story).lacks(&nodes), Vec::<String>::new());
    let story = story.leader(1.0, None);
    let lacks = view(&story).lacks(&nodes);
    assert_eq!(lacks[0], "nobody holds the leader key");
    assert_eq!(view(&Story::default()).lacks(&["pg1"]), ["nobody holds the leader key", "pg1: not seen yet"]);
}
