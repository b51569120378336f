//! What observers say beside what a person reads: `patronictl list`, Patroni's log, PostgreSQL's replication view.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    clock::BootInstant,
    cluster::within,
    lab::{Host, Options},
    observe::Watch,
    record::{
        ClusterMember, ClusterView, Event, Kind, LeaderKey, LogEntry, Recorder, Streaming, View, What,
        traceback, transitions,
    },
};
use rustix::process::Signal;
use serde_json::Value;

use super::own_lab::{OwnLab, Seen};

/// A cluster, its record, and `patronictl` beside it.
struct Scene {
    lab: OwnLab,
    seen: Seen,
}

impl Scene {
    fn list(&self) -> ClusterView {
        let mut events = self.seen.recorder.events();
        events.sort_by_key(|event| event.boot_ns);
        View::after(&events).list.unwrap()
    }

    /// What a person sees who types it now; the machine-readable form does not tell of maintenance mode.
    fn patronictl_list(&self) -> ClusterView {
        let rows: Vec<Value> =
            serde_json::from_str(&self.lab.run(Host::Mon, &["patronictl", "list", "-f", "json"])).unwrap();
        let row = |row: &Value| {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            let timeline = row["TL"].as_u64().map(|timeline| timeline.try_into().unwrap());
            let role = text("Role").to_lowercase().replace(' ', "_");
            (text("Member"), ClusterMember { role, state: text("State"), timeline })
        };
        let paused = self.lab.run(Host::Mon, &["patronictl", "list"]).contains("Maintenance mode: on");
        ClusterView { members: rows.iter().map(row).collect(), paused }
    }

    /// Waits until the list is as it should be, and compares it with `patronictl`'s while it does not change.
    fn agrees(&self, when: &str, wanted: impl Fn(&ClusterView) -> bool) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let (before, printed, after) = (self.list(), self.patronictl_list(), self.list());
            if before == after {
                assert_eq!(after, printed, "{when}");
                if wanted(&after) {
                    return;
                }
            }
            assert!(Instant::now() < deadline, "{when}: not seen in time: {after:#?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks as a load balancer's check does, and goes away before the answer.
    fn abandon_a_request(&self, address: SocketAddr) {
        let asking = || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"OPTIONS /primary HTTP/1.0\r\n\r\n").unwrap();
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        };
        within(&self.lab.lab().layout().target(Host::Mon), asking).unwrap();
    }

    fn leader(&self) -> String {
        let event = self.seen.wait("a leader", BootInstant::default(), |event| event.kind == Kind::LeaderKey);
        event.after_as::<LeaderKey>().unwrap().holder
    }

    /// Waits until these and no others stream from a node.
    fn stream_from(&self, node: &str, standbys: &[&str]) {
        let wanted = |event: &Event| {
            let seen: BTreeMap<String, Streaming> = event.after_as().unwrap_or_default();
            let streaming =
                |standby: &Streaming| standby.state == "streaming" && standby.sync_state == "async";
            let mut names: Vec<_> = standbys.to_vec();
            names.sort_unstable();
            seen.keys().eq(names) && seen.values().all(streaming)
        };
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let mut events = self.seen.recorder.events();
            events.retain(|event| event.kind == Kind::Replication && event.node.as_deref() == Some(node));
            if events.last().is_some_and(&wanted) {
                return;
            }
            assert!(Instant::now() < deadline, "{standbys:?} do not stream from {node}: {:?}", events.last());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn state<'list>(list: &'list ClusterView, node: &str) -> &'list str {
    list.members.get(node).map_or("absent", |member| &member.state)
}

fn whole(list: &ClusterView, leader: &str, well: &str) -> bool {
    let wanted = |node: &str| if node == leader { ("leader", "running") } else { ("replica", well) };
    let as_wanted = |(node, member): (&String, &ClusterMember)| {
        (member.role.as_str(), member.state.as_str()) == wanted(node)
    };
    list.members.len() == 3 && list.members.iter().all(as_wanted) && !list.paused
}

#[test]
fn what_a_person_reads_is_what_is_recorded() {
    read_and_recorded("observe-list", Options::PATRONI, "streaming", None);
}

/// Its list says `running` of a standby that streams, and a client that goes away leaves a traceback in its log.
#[test]
fn what_a_person_reads_of_an_old_patroni_is_what_is_recorded() {
    read_and_recorded("observe-list-old", "3.0.2", "running", Some(What::BenignTraceback));
}

/// `well` is a standby's state, `abandoned` what comes of a request whose client is gone.
fn read_and_recorded(name: &str, patroni: &str, well: &str, abandoned: Option<What>) {
    let whole = |list: &ClusterView, leader: &str| whole(list, leader, well);
    let lab = OwnLab::of(name, patroni);
    let inventory = lab.lab().inventory().clone();
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::create(dir.path()).unwrap();
    let logs =
        || inventory.nodes.iter().map(|node| fs::read_to_string(node.patroni_log.as_ref().unwrap()).unwrap());
    let logged_before: Vec<usize> = logs().map(|log| log.len()).collect();
    let watch = Watch::start_reading_only(&inventory, recorder.sink()).unwrap();
    watch.ready(Duration::from_secs(20)).unwrap();
    let scene = Scene { lab, seen: Seen { recorder } };
    let leader = scene.leader();
    let replicas: Vec<_> =
        inventory.nodes.iter().map(|node| node.name.as_str()).filter(|name| **name != leader).collect();
    let [stopped, other] = replicas[..] else { panic!("{replicas:?}") };

    scene.agrees("healthy", |list| whole(list, &leader));
    scene.stream_from(&leader, &[stopped, other]);

    scene.lab.signal_patroni(stopped, Signal::TERM);
    scene.agrees("a replica's Patroni is stopped", |list| state(list, stopped) == "stopped");
    scene.stream_from(&leader, &[other]);
    scene.agrees("its key is gone", |list| state(list, stopped) == "absent");
    scene.lab.lab().start_patroni(Host::named(stopped).unwrap()).unwrap();
    scene.agrees("it is back", |list| whole(list, &leader));
    scene.stream_from(&leader, &[stopped, other]);

    scene.lab.run(Host::Mon, &["patronictl", "pause", "--wait"]);
    scene.agrees("maintenance mode", |list| list.paused && list.members.len() == 3);
    scene.lab.run(Host::Mon, &["patronictl", "resume", "--wait"]);
    scene.agrees("no maintenance mode", |list| whole(list, &leader));

    scene
        .lab
        .run(Host::Mon, &["patronictl", "switchover", "--force", "--leader", &leader, "--candidate", other]);
    scene.agrees("after a switchover", |list| whole(list, other));
    scene.stream_from(other, &[stopped, &leader]);

    // No Patroni answers, and a person can still read the list.
    let all: Vec<_> = inventory.nodes.iter().map(|node| node.name.as_str()).collect();
    let signal_all = |signal| {
        for node in &all {
            scene.lab.signal_patroni(node, signal);
        }
    };
    signal_all(Signal::STOP);
    // At once: HAProxy's checks soon fill the queue of who waits for an answer.
    for node in &inventory.nodes {
        scene.abandon_a_request(SocketAddr::new(node.address, node.rest_port));
    }
    scene.agrees("no Patroni answers", |list| whole(list, other));
    let abandoned_at = BootInstant::now();
    signal_all(Signal::CONT);
    if abandoned.is_some() {
        scene.seen.wait("a traceback", abandoned_at, |event| {
            event.after_as().and_then(|entry| traceback(&entry)).is_some_and(|traceback| traceback.benign)
        });
    } else {
        scene.seen.wait("the next round", abandoned_at, |event| event.kind == Kind::Log);
    }

    watch.stop();
    let events = scene.seen.recorder.finish().unwrap();
    what_happened_is_told(&events, &leader, stopped, other, well);
    let tracebacks = transitions(&events).into_iter().map(|transition| transition.what);
    let mut tracebacks: Vec<_> =
        tracebacks.filter(|what| format!("{what:?}").contains("Traceback")).collect();
    tracebacks.dedup();
    assert_eq!(tracebacks, abandoned.into_iter().collect::<Vec<_>>());
    for ((node, log), before) in inventory.nodes.iter().zip(logs()).zip(logged_before) {
        every_entry_is_told_once(&events, &node.name, &log[before..]);
    }
}

fn what_happened_is_told(events: &[Event], leader: &str, stopped: &str, other: &str, well: &str) {
    let transitions = transitions(events);
    let told = |subject: &str, what: What, from: Option<&str>, to: Option<&str>| {
        let found = transitions.iter().filter(|transition| {
            transition.subject == subject
                && transition.what == what
                && from.is_none_or(|from| transition.from.as_deref() == Some(from))
                && to.is_none_or(|to| transition.to.as_deref() == Some(to))
        });
        assert_eq!(found.count(), 1, "{subject} {what:?} {from:?} {to:?}\n{transitions:#?}");
    };
    told(stopped, What::ListState, Some(well), Some("stopped"));
    told(stopped, What::StreamingEnds, Some(leader), None);
    told(stopped, What::StreamingBegins, None, Some(leader));
    told(stopped, What::StreamingBegins, None, Some(other));
    told("cluster", What::MaintenanceBegins, None, None);
    told("cluster", What::MaintenanceEnds, None, None);
}

/// The entries of Patroni's logger are in the file's order, none missing but the last ones.
fn every_entry_is_told_once(events: &[Event], node: &str, log: &str) {
    let of_node =
        events.iter().filter(|event| event.kind == Kind::Log && event.node.as_deref() == Some(node));
    let entries = of_node.map(|event| event.after_as::<LogEntry>().unwrap());
    let told: Vec<String> = entries
        .filter_map(|entry| {
            let written = entry.written?.strftime("%F %T,%3f").to_string();
            Some(format!("{written} {}: {}", entry.level, entry.text.lines().next().unwrap_or_default()))
        })
        .collect();
    let headers = [" INFO: ", " WARNING: ", " ERROR: "];
    let is_entry =
        |line: &&str| headers.iter().any(|level| line.get(23..).is_some_and(|rest| rest.starts_with(level)));
    let there: Vec<&str> = log.lines().filter(is_entry).map(str::trim_end).collect();
    let first = told.first().unwrap();
    let missed = there.iter().take_while(|line| *line != first).count();
    assert!(missed <= 2, "{missed} entries between the look at the file and the watch");
    let rest = &there[missed..];
    assert!(told.len() <= rest.len() && rest.len() - told.len() <= 6, "{} of {}", told.len(), rest.len());
    for (one, other) in told.iter().zip(rest) {
        assert_eq!(one.trim_end(), *other, "{node}");
    }
    assert!(told.len() > 10, "{node}: {told:?}");
}
