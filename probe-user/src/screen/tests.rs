//! The screen at moments of a made-up failover, on terminals of several kinds.

use jiff::{Timestamp, tz::TimeZone};
use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, Cell},
    style::Color,
};
use serde_json::json;

use super::{Hand, Look, Now, Pane, Seen, Signs, Step, draw};
use crate::{
    cluster::{Inventory, Target},
    cut::{CutStatus, RuleStatus},
    policy::PlannedRule,
    record::{
        Kind, Source, What,
        story::{Story, boot},
    },
};

const PLAIN: Look = Look { colours: false, signs: Signs::Unicode };
const COLOURS: Look = Look { colours: true, signs: Signs::Unicode };
const ASCII: Look = Look { colours: false, signs: Signs::Ascii };

fn inventory(names: &[&str]) -> Inventory {
    let cluster = r#"
        scope = "main"
        timings = { ttl = 20, loop_wait = 1, retry_timeout = 3 }
        observer = { transport = "local" }
        postgres = { user = "u", password = "p", database = "d" }
        etcd = { endpoints = ["http://10.0.0.9:2379"] }
        lab = { name = "demo", local = "tcp", patroni = "4.1.5", etcd_members = 1 }
        [haproxy]
        primary = "10.0.0.8:5000"
        replica = "10.0.0.8:5001"
        stats_socket = "/run/haproxy.sock"
        proxies = { primary = "p", replica = "r" }
        "#;
    let node = |(place, name): (usize, &&str)| {
        format!(
            "\n[[node]]\nname = \"{name}\"\ntransport = \"netns:demo-{name}\"\naddress = \"10.0.0.{place}\"\n"
        )
    };
    let nodes: String = names.iter().enumerate().map(node).collect();
    toml::from_str(&(cluster.to_owned() + &nodes)).expect("an inventory")
}

/// The moment of a story's second.
fn now(at: f64) -> Now {
    let noon = Timestamp::from_second(1_790_078_400).expect("a year after 2000").to_zoned(TimeZone::UTC);
    let now = Now { boot: boot(0.0), wall: noon };
    Now { boot: boot(at), wall: now.wall_of(boot(at)) }
}

/// What was seen of a story up to this second.
fn seen(story: &Story, at: f64, writes: bool) -> Seen {
    let mut seen = Seen::new(&inventory(&["pg1", "pg2", "pg3"]), writes, boot(-10.0));
    go_on(&mut seen, story, -10.0, at);
    seen
}

fn take(seen: &mut Seen, story: &Story) {
    for event in &story.events {
        seen.take(event);
    }
}

/// Takes in what a story tells between two moments.
fn go_on(seen: &mut Seen, story: &Story, from: f64, at: f64) {
    let mut events = story.events.clone();
    events.sort_by_key(|event| event.boot_ns);
    events.retain(|event| (boot(from)..=boot(at)).contains(&event.boot_ns));
    for event in &events {
        // Cuts are told by the kernel, as below.
        if !matches!(event.kind, Kind::Applied | Kind::Hit | Kind::Reverted) {
            seen.take(event);
        }
        seen.changed(event.boot_ns);
    }
    seen.changed(boot(at));
}

/// A cut of pg1's port 5432 as the kernel tells it.
fn cut(packets: u64, at: f64) -> CutStatus {
    let hit = (packets > 0).then(|| boot(at));
    CutStatus {
        id: "c0ffee".parse().expect("an id"),
        node: "pg1".to_owned(),
        target: Target::Netns("demo-pg1".to_owned()),
        description: String::new(),
        deadline: boot(60.0),
        expired: false,
        hooks: Vec::new(),
        rules: vec![RuleStatus {
            rule: PlannedRule::sample(),
            backend: "xdp".to_owned(),
            counter: 0,
            packets,
            bytes: packets * 74,
            first: hit.map(|_| boot(0.2)),
            last: hit,
        }],
        edges: Vec::new(),
    }
}

/// Leases, WAL positions and lists of members, which a failover's story does not have.
fn failover() -> Story {
    let mut story = Story::failover().list(
        -9.0,
        &[
            ("pg1", "leader", "running"),
            ("pg2", "sync_standby", "streaming"),
            ("pg3", "replica", "streaming"),
        ],
    );
    for (at, left) in [(-8.0, 19), (3.0, 17), (12.0, 8), (19.0, 1)] {
        let lease = json!({"holder": "pg1", "left_s": left, "granted_s": 20});
        story = story.tell(at, "", Source::Etcd, Kind::Lease, lease);
    }
    for (at, node, position) in [
        (-8.0, "pg1", "0/3000148"),
        (-7.8, "pg2", "0/3000148"),
        (-7.6, "pg3", "0/3000148"),
        (5.0, "pg1", "0/5A00000"),
        (5.2, "pg2", "0/5A00000"),
        (5.4, "pg3", "0/3F00000"),
    ] {
        story = story.tell(at, node, Source::Postgres, Kind::Lsn, json!(position));
    }
    story
        .streaming(-9.0, "pg1", &["pg2", "pg3"])
        .tell(-9.0, "", Source::Etcd, Kind::EtcdReachable, json!("reachable"))
        .tell(22.2, "", Source::Etcd, Kind::Lease, json!({"holder": "pg2", "left_s": 19, "granted_s": 20}))
        .list(22.3, &[("pg2", "leader", "running"), ("pg3", "replica", "streaming")])
}

fn buffer(seen: &Seen, look: Look, hand: &mut Hand, (width, height): (u16, u16), at: f64) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("memory");
    terminal.draw(|frame| draw(frame, seen, look, hand, &now(at))).expect("memory");
    terminal.backend().buffer().clone()
}

/// The screen as text, without the spaces at the ends of lines.
fn screen(seen: &Seen, look: Look, size: (u16, u16), at: f64) -> String {
    text(&buffer(seen, look, &mut Hand::default(), size, at))
}

fn text(buffer: &Buffer) -> String {
    let rows = buffer.content.chunks(usize::from(buffer.area.width));
    let line = |row: &[Cell]| row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned();
    rows.map(line).collect::<Vec<_>>().join("\n")
}

/// In a failover: the key still lives, and a standby lags.
fn cut_off(writes: bool) -> Seen {
    let story = failover();
    let mut seen = seen(&story, -1.0, writes);
    seen.take_cuts(&now(-1.0), Ok(Vec::new()));
    seen.take_cuts(&now(0.0), Ok(vec![cut(0, 0.0)]));
    seen.take_cuts(&now(0.3), Ok(vec![cut(1, 0.2)]));
    go_on(&mut seen, &story, -0.9, 12.5);
    seen.take_cuts(&now(12.5), Ok(vec![cut(1321, 12.4)]));
    seen
}

/// After it: two nodes are writable.
fn split() -> Seen {
    let mut seen = cut_off(false);
    go_on(&mut seen, &failover(), 12.6, 30.0);
    seen.take_cuts(&now(30.0), Ok(vec![cut(3210, 29.0)]));
    seen
}

#[test]
fn healthy() {
    let mut seen = seen(&failover(), -1.0, false);
    seen.take_cuts(&now(-1.0), Ok(Vec::new()));
    insta::assert_snapshot!(screen(&seen, PLAIN, (80, 24), -1.0));
}

#[test]
fn the_primary_is_cut_off() {
    let text = screen(&cut_off(true), PLAIN, (80, 24), 12.5);
    insta::assert_snapshot!(text);
    let readme = include_str!("../../../README.md");
    assert!(readme.contains(text.trim_end()), "the README shows this very screen");
}

#[test]
fn two_primaries_on_a_usual_terminal() {
    insta::assert_snapshot!(screen(&split(), PLAIN, (80, 24), 30.0));
}

#[test]
fn two_primaries_in_ascii() {
    let text = screen(&split(), ASCII, (80, 24), 30.0);
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn two_primaries_on_a_small_terminal() {
    insta::assert_snapshot!(screen(&split(), PLAIN, (40, 10), 30.0));
}

#[test]
fn the_primary_is_cut_off_on_a_large_terminal() {
    insta::assert_snapshot!(screen(&cut_off(true), PLAIN, (160, 50), 12.5));
}

#[test]
fn colours_stress_what_words_say() {
    let coloured = buffer(&split(), COLOURS, &mut Hand::default(), (80, 24), 30.0);
    let plain = buffer(&split(), PLAIN, &mut Hand::default(), (80, 24), 30.0);
    assert_eq!(text(&coloured), text(&plain), "nothing is said by colour alone");
    let coloured_cells = |buffer: &Buffer| {
        let cells = buffer.content.iter();
        cells.filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset).count()
    };
    assert!(coloured_cells(&coloured) > 100);
    assert_eq!(coloured_cells(&plain), 0);
}

#[test]
fn a_tiny_terminal_gets_a_sentence() {
    insta::assert_snapshot!(screen(&split(), PLAIN, (24, 5), 30.0));
}

#[test]
fn no_size_breaks_it() {
    let seen = split();
    for width in (0..100).step_by(7) {
        for height in 0..30 {
            for look in [PLAIN, ASCII] {
                let mut hand = Hand::default();
                hand.next();
                buffer(&seen, look, &mut hand, (width, height), 30.0);
            }
        }
    }
}

#[test]
fn many_nodes_with_long_names_are_scrolled() {
    let names: Vec<String> =
        (1..=12).map(|number| format!("patroni-prod-eu-west-1a-node-{number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut seen = Seen::new(&inventory(&names), false, boot(-10.0));
    let mut story = Story::default().leader(-9.0, Some(names[10]));
    for (place, name) in names.iter().enumerate() {
        let role = if place == 10 { "primary" } else { "replica" };
        story = story.rest(-9.0, name, role).port(-9.0, name, "accepts").inside(-9.0, name, place == 10, 1);
    }
    story = story.tell(-9.0, "", Source::Etcd, Kind::EtcdReachable, json!("reachable"));
    take(&mut seen, &story);
    let mut hand = Hand::default();
    let first = text(&buffer(&seen, PLAIN, &mut hand, (80, 16), 0.0));
    assert!(first.contains("node-01") && !first.contains("node-05"), "{first}");
    hand.next();
    assert_eq!(hand.pane(), Pane::Nodes);
    hand.go(Step::Last);
    insta::assert_snapshot!(text(&buffer(&seen, PLAIN, &mut hand, (80, 16), 0.0)));
}

#[test]
fn what_is_not_seen_is_said() {
    let mut seen = Seen::new(&inventory(&["pg1"]), true, boot(0.0));
    insta::assert_snapshot!("at_first", screen(&seen, PLAIN, (80, 16), 1.0));
    let gone = "unreachable: http://10.0.0.9:2379: connection refused";
    let story = Story::default()
        .tell(1.0, "", Source::Etcd, Kind::EtcdReachable, json!(gone))
        .tell(1.0, "", Source::Haproxy, Kind::Trouble, json!("HAProxy's stats socket: No such file"))
        .silent(1.0, "pg1")
        .port(1.0, "pg1", "refused")
        .stopped(1.0, "pg1");
    take(&mut seen, &story);
    seen.take_cuts(&now(2.0), Err("this process lacks CAP_BPF".to_owned()));
    insta::assert_snapshot!("nobody_answers", screen(&seen, PLAIN, (80, 24), 13.0));
    seen.place_is_gone(boot(20.0));
    let gone = screen(&seen, PLAIN, (80, 24), 32.0);
    assert!(gone.contains("NO CLUSTER for 12s"), "{gone}");
    seen.anew(&inventory(&["pg1"]));
    let back = screen(&seen, PLAIN, (80, 24), 33.0);
    assert!(!back.contains("NO CLUSTER"), "{back}");
}

#[test]
fn haproxy_that_answers_again_is_known_again() {
    let trouble = |story: Story, at| {
        story.tell(at, "", Source::Haproxy, Kind::Trouble, json!("HAProxy's stats socket: No such file"))
    };
    let silent = trouble(failover(), -5.0);
    let shown = screen(&seen(&silent, -1.0, false), PLAIN, (80, 24), -1.0);
    assert!(shown.contains("HAProxy: no answer for 4s"), "{shown}");
    let back = silent.server(-3.0, "pg1", "primary", "UP");
    let shown = screen(&seen(&back, -1.0, false), PLAIN, (80, 24), -1.0);
    assert!(!shown.contains("no answer"), "{shown}");
}

#[test]
fn cuts_are_told_as_they_come_and_go() {
    let mut seen = seen(&failover(), -1.0, false);
    let mut elsewhere = cut(7, 1.0);
    elsewhere.target = Target::Netns("another".to_owned());
    let looks = [
        (-1.0, vec![cut(0, 0.0)], vec![], 1, 0),
        (0.0, vec![cut(0, 0.0), elsewhere.clone()], vec![], 1, 0),
        (1.0, vec![cut(5, 0.9)], vec![What::CutHit], 1, 0),
        (2.0, vec![cut(9, 1.9)], vec![], 1, 0),
        (3.0, vec![elsewhere], vec![What::CutReverted], 0, 1),
        (4.0, vec![cut(0, 0.0)], vec![What::CutInForce], 1, 0),
        // The lease ends it: the kernel still tells of it, or no longer.
        (61.0, vec![cut(0, 0.0)], vec![What::CutReverted], 0, 0),
    ];
    for (at, cuts, expected, rows, elsewhere) in looks {
        seen.take_cuts(&now(at), Ok(cuts));
        let told = seen.changed(boot(at));
        assert_eq!(told.iter().map(|one| one.what).collect::<Vec<_>>(), expected, "{at}");
        assert_eq!((seen.cut_rows().len(), seen.cuts.elsewhere), (rows, elsewhere), "{at}");
        if at > 60.0 {
            assert_eq!((told[0].at, told[0].to.as_deref()), (boot(60.0), Some("lease")));
        }
    }
    seen.take_cuts(&now(62.0), Err("no root".to_owned()));
    seen.take_cuts(&now(63.0), Ok(Vec::new()));
    assert!(seen.changed(boot(63.0)).is_empty(), "what was not seen for a while has not ended");
}

#[test]
fn hours_of_watching_take_no_more_memory() {
    let mut seen = Seen::new(&inventory(&["pg1", "pg2", "pg3"]), true, boot(0.0));
    for minute in 0..2000_u32 {
        let at = f64::from(minute) * 60.0;
        let story = Story::default()
            .leader(at, Some(if minute.is_multiple_of(2) { "pg1" } else { "pg2" }))
            .write(at, 0.1, "acknowledged")
            .log(at, "pg1", "ERROR", "Traceback (most recent call last):\nValueError: x")
            .tell(at, "pg1", Source::Postgres, Kind::Lsn, json!(format!("0/{minute:X}")));
        take(&mut seen, &story);
        seen.changed(boot(at + 5.0));
    }
    assert_eq!(seen.changes().len(), 1000);
    assert!(seen.told() > 1999);
    // All of it in words, which is as good a scale as any: no part grows with time.
    let words = format!("{seen:?}").len();
    assert!(words < 400_000, "{words}");
}
