//! The observers before a real cluster: PostgreSQL, Patroni, etcd and `HAProxy` in network namespaces.

#![expect(clippy::unwrap_used, reason = "what fails in a test shall panic")]

mod list;
mod own_lab;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use netsplit::{
    clock::BootInstant,
    lab::Host,
    observe::Watch,
    record::{
        EVENTS_FILE, Event, Inside, Kind, LeaderKey, PortState, Recorder, RestState, RowsFound, ServerState,
        WriteOutcome, read_events,
    },
};
use own_lab::{OwnLab, Seen};
use rustix::process::Signal;

fn of(event: &Event, node: &str, kind: Kind) -> bool {
    event.node.as_deref() == Some(node) && event.kind == kind
}

fn rest_runs(event: &Event) -> bool {
    matches!(event.after_as(), Some(RestState::Answers { state, .. }) if state == "running")
}

fn server_is(event: &Event, proxy: &str, status: &str) -> bool {
    event.after_as::<ServerState>().is_some_and(|server| server.proxy == proxy && server.status == status)
}

#[test]
fn a_cluster_is_seen_from_every_side() {
    let lab = OwnLab::up("observe-all");
    let inventory = lab.lab().inventory().clone();
    let dir = tempfile::tempdir().unwrap();
    let seen = Seen { recorder: Recorder::create(dir.path()).unwrap() };

    let started = BootInstant::now();
    let watch = Watch::start(&inventory, seen.recorder.sink()).unwrap();
    watch.ready(Duration::from_secs(20)).unwrap();
    let leader = is_healthy(&seen, started, inventory.nodes.iter().map(|node| node.name.as_str()));
    let replica = inventory.nodes.iter().map(|node| &node.name).find(|name| **name != leader).unwrap();
    assert!(watch.client_run().is_some());

    rows_of_another_than_the_leader_count_for_nothing(&lab, &leader, replica);
    a_replica_dies_and_comes_back(&seen, &lab, replica);
    the_primary_dies_and_comes_back(&seen, &lab, &leader);
    etcd_goes_and_comes_back(&seen, &lab);

    let stopping = Instant::now();
    watch.stop();
    assert!(stopping.elapsed() < Duration::from_secs(5), "{:?}", stopping.elapsed());

    let events = seen.recorder.finish().unwrap();
    every_acknowledged_row_is_there(&events);
    assert_eq!(read_events(&dir.path().join(EVENTS_FILE)).unwrap(), events);
    assert!(events.iter().all(|event| event.before != event.after || event.before.is_null()), "only changes");
}

fn is_healthy<'a>(seen: &Seen, started: BootInstant, nodes: impl Iterator<Item = &'a str>) -> String {
    let leader = seen.wait("a leader", started, |event| event.kind == Kind::LeaderKey);
    let leader = leader.after_as::<LeaderKey>().unwrap().holder;
    for node in nodes {
        let is_leader = node == leader;
        let role = if is_leader { "primary" } else { "replica" };
        seen.wait("the REST API", started, |event| {
            let answer = RestState::Answers {
                status: 200,
                role: role.to_owned(),
                state: "running".to_owned(),
                timeline: Some(1),
            };
            of(event, node, Kind::Rest) && event.after_as() == Some(answer)
        });
        seen.wait("the port", started, |event| {
            of(event, node, Kind::Port) && event.after_as() == Some(PortState::Accepts)
        });
        seen.wait("the inside", started, |event| {
            let inside = Inside { in_recovery: !is_leader, read_only: !is_leader, timeline: 1 };
            of(event, node, Kind::Inside) && event.after_as() == Some(inside)
        });
        seen.wait("the member's key", started, |event| {
            of(event, node, Kind::MemberKey) && event.after["role"] == role
        });
        for (proxy, status) in [("primary", is_leader), ("replica", !is_leader)] {
            seen.wait("HAProxy's servers", started, |event| {
                of(event, node, Kind::Server) && server_is(event, proxy, if status { "UP" } else { "DOWN" })
            });
        }
        seen.wait("the list of members", started, |event| {
            event.kind == Kind::Cluster && event.after["members"][node].is_object()
        });
    }
    seen.wait("etcd", started, |event| event.kind == Kind::EtcdReachable && event.after == "reachable");
    seen.wait("a row by the leader", started, |event| of(event, &leader, Kind::Write));
    leader
}

/// A load balancer that leads to the wrong node.
fn rows_of_another_than_the_leader_count_for_nothing(lab: &OwnLab, leader: &str, replica: &str) {
    let mut inventory = lab.lab().inventory().clone();
    let wrong = inventory.node(replica).unwrap();
    let wrong = SocketAddr::new(wrong.address, wrong.postgres_port);
    inventory.haproxy.as_mut().unwrap().primary = wrong;
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::create(dir.path()).unwrap();
    let watch = Watch::start(&inventory, recorder.sink()).unwrap();
    let missing = watch.ready(Duration::from_secs(2)).unwrap_err().to_string();
    assert!(missing.contains("client write") && !missing.contains("patroni"), "{missing}");
    watch.stop_within(Duration::from_secs(2));

    let events = recorder.finish().unwrap();
    assert!(events.iter().all(|event| event.kind != Kind::RowsFound), "never a count");
    let last = events.iter().rev().find(|event| event.kind == Kind::Trouble).unwrap().after.to_string();
    let reason = format!("{} answered and {leader} holds the leader key", wrong.ip());
    assert!(last.contains("lost is unknown") && last.contains(&reason), "{last}");
}

fn a_replica_dies_and_comes_back(seen: &Seen, lab: &OwnLab, node: &str) {
    let killed = lab.kill_postmaster(node);
    let silent =
        seen.wait("silence inside", killed, |event| of(event, node, Kind::Inside) && event.after.is_null());
    assert!(silent.boot_ns.since(killed) < Duration::from_secs(2), "{}", seen.since(killed));
    seen.wait("the port closed", killed, |event| {
        of(event, node, Kind::Port) && event.after_as() != Some(PortState::Accepts)
    });
    seen.wait("the REST API not well", killed, |event| of(event, node, Kind::Rest) && !rest_runs(event));
    let down = seen.wait("HAProxy: down", killed, |event| {
        of(event, node, Kind::Server) && server_is(event, "replica", "DOWN")
    });
    seen.wait("the port open again", killed, |event| {
        of(event, node, Kind::Port) && event.after_as() == Some(PortState::Accepts)
    });
    seen.wait("the inside again", killed, |event| {
        of(event, node, Kind::Inside) && event.after_as::<Inside>().is_some_and(|inside| inside.in_recovery)
    });
    seen.wait("the REST API well again", killed, |event| of(event, node, Kind::Rest) && rest_runs(event));
    seen.wait("HAProxy: up again", down.boot_ns, |event| {
        of(event, node, Kind::Server) && server_is(event, "replica", "UP")
    });
}

fn the_primary_dies_and_comes_back(seen: &Seen, lab: &OwnLab, node: &str) {
    let killed = lab.kill_postmaster(node);
    let failed = seen.wait("a write that fails", killed, |event| {
        event.kind == Kind::Write && event.after["outcome"] != "acknowledged"
    });
    seen.wait("silence inside", killed, |event| of(event, node, Kind::Inside) && event.after.is_null());
    seen.wait("writable again", killed, |event| {
        event.after_as::<Inside>().is_some_and(|inside| event.kind == Kind::Inside && inside.writable())
    });
    seen.wait("writes again", failed.boot_ns, |event| {
        event.kind == Kind::Write && event.after["outcome"] == "acknowledged"
    });
}

fn etcd_goes_and_comes_back(seen: &Seen, lab: &OwnLab) {
    let host = Host::named("dcs").unwrap();
    let pid = lab.lab().pids(host).etcd.unwrap();
    let killed = BootInstant::now();
    assert!(lab.lab().signal(host, pid, Signal::KILL).unwrap());
    let gone = seen.wait("etcd unreachable", killed, |event| {
        event.kind == Kind::EtcdReachable && event.after != "reachable"
    });
    lab.lab().start_etcd(host).unwrap();
    let back = seen.wait("etcd reachable", gone.boot_ns, |event| {
        event.kind == Kind::EtcdReachable && event.after == "reachable"
    });
    // The watch goes on: what Patroni does next is seen.
    let node = lab.lab().inventory().nodes[0].name.clone();
    lab.kill_postmaster(&node);
    seen.wait("a key that changes after the watch was lost", back.boot_ns, |event| {
        of(event, &node, Kind::MemberKey)
    });
    seen.wait("writes after all", back.boot_ns, |event| {
        event.kind == Kind::Write && event.after["outcome"] == "acknowledged"
    });
}

fn every_acknowledged_row_is_there(events: &[Event]) {
    let writes = events.iter().filter(|event| event.kind == Kind::Write);
    let outcomes: Vec<WriteOutcome> =
        writes.map(|event| event.after_as::<netsplit::record::ClientWrite>().unwrap().outcome).collect();
    let acknowledged = outcomes.iter().filter(|outcome| **outcome == WriteOutcome::Acknowledged).count();
    let last = events.iter().rev().find(|event| event.kind == Kind::RowsFound).expect("rows were read back");
    let rows: RowsFound = last.after_as().unwrap();
    assert_eq!((rows.lost, rows.duplicated), (vec![], vec![]));
    assert_eq!(rows.found, (acknowledged + rows.unacknowledged.len()) as u64);
    assert!(acknowledged > 20, "{acknowledged} of {} writes", outcomes.len());
}

#[test]
fn a_watch_says_what_it_cannot_see() {
    let inventory = "
        scope = 'gone'
        timings = { ttl = 20, loop_wait = 1, retry_timeout = 3 }
        observer = { transport = 'netns:observe-no-such' }
        postgres = { user = 'u', password = 'p', database = 'd' }
        etcd = { endpoints = ['http://127.0.0.1:1'] }
        node = [{ name = 'pg1', transport = 'local', address = '127.0.0.1', postgres_port = 1, rest_port = 1 }]";
    let mut inventory: netsplit::cluster::Inventory = toml::from_str(inventory).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::create(dir.path()).unwrap();
    let error = Watch::start(&inventory, recorder.sink()).unwrap_err();
    assert_eq!(error.to_string(), "the cluster cannot be watched from the place that its inventory names");

    inventory.observer.transport = netsplit::cluster::Target::Local;
    let watch = Watch::start(&inventory, recorder.sink()).unwrap();
    let error = watch.ready(Duration::from_secs(1)).unwrap_err().to_string();
    for missing in ["etcd leader-key", "etcd member-key of pg1", "patroni cluster"] {
        assert!(error.contains(missing), "{error}");
    }
    let stopping = Instant::now();
    watch.stop();
    assert!(stopping.elapsed() < Duration::from_secs(1), "{:?}", stopping.elapsed());
    let events = recorder.finish().unwrap();
    for kind in [Kind::Rest, Kind::Port] {
        let event = events.iter().find(|event| event.kind == kind).unwrap();
        assert!(event.after.to_string().contains("refused"), "{event:?}");
    }
}
