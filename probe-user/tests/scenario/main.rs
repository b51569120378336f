//! The shipped scenarios, run against real clusters through the command that people type.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod cluster;
mod poller;

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use cluster::{Cluster, result, shipped};
use netsplit::{
    clock::BootInstant,
    cluster::{LocalConnection, within},
    cut,
    lab::Host,
    record::{EVENTS_FILE, Kind, read_events},
    report::RunVerdict,
};
use poller::seen_during;
use rustix::process::{Pid, Signal, kill_process};

/// Waits for something that a cluster does in its own time.
fn poll_until(what: &str, within: Duration, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !done() {
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Whether two ways of looking saw the same moment, give or take what each needs to look.
fn agree(what: &str, netsplit: Option<f64>, polled: f64) {
    let told = netsplit.unwrap_or_else(|| panic!("netsplit does not tell {what}"));
    assert!((told - polled).abs() < 1.5, "{what}: netsplit says {told} s, the poller saw {polled:.3} s");
}

#[test]
fn by_tcp_the_primary_is_lost_and_two_nodes_are_writable() {
    let (cluster, folder) = (Cluster::up("tcp", LocalConnection::Tcp), tempfile::tempdir().unwrap());
    let out = folder.path().join("5432");
    let ((code, judged), seen) = seen_during(&cluster, || cluster.judged("primary-5432-drop", &out));
    assert_eq!((code, judged.verdict), (Some(0), RunVerdict::Pass), "{:#?}", judged.expectations);
    assert!(judged.metrics.two_writable_primaries_s.is_some_and(|seconds| seconds > 5.0));
    assert!(!cluster.has_datapath());

    // The numbers are what somebody else saw, too.
    let ((lost, new), (stopped, back)) = (seen.leader_lost_and_new(), seen.writes_stopped_and_back());
    agree("the lost leader", judged.metrics.leader_lost_s, lost);
    agree("the new leader", judged.metrics.new_leader_s, new);
    agree("the last write", judged.metrics.writes_stopped_s, stopped);
    agree("the next write", judged.metrics.writes_back_s, back);
    agree("two writable primaries", judged.metrics.two_writable_primaries_s, seen.two_writable_s());

    // The wrong cluster for a scenario is an error with a way out, before anything is cut.
    let (code, refused) = cluster.judged("primary-5432-drop-socket", &folder.path().join("refused"));
    assert_eq!((code, refused.cuts.len()), (Some(3), 0));
    assert!(refused.reason.unwrap().contains("netsplit lab up --local socket"));

    let (code, judged) = cluster.judged("primary-8008-drop", &folder.path().join("8008"));
    assert_eq!((code, judged.verdict), (Some(0), RunVerdict::Pass), "{:#?}", judged.expectations);

    // Every report is rebuilt from the record alone.
    let before = result(&out);
    fs::remove_file(out.join("result.json")).unwrap();
    assert!(report(&out).status.success());
    assert_eq!(result(&out), before);
}

#[test]
fn by_socket_nobody_fails_over_and_an_interrupt_reverts() {
    let (cluster, folder) = (Cluster::up("socket", LocalConnection::Socket), tempfile::tempdir().unwrap());
    // A planned change needs no cut. Before one: right after it, replication is still recovering, and it hangs.
    let (scenario, out) = (folder.path().join("switchover.toml"), folder.path().join("switchover"));
    let leader = cluster.leader();
    let candidate = Host::POSTGRES.into_iter().find(|host| host.name() != leader).unwrap();
    fs::write(&scenario, switchover(&candidate.to_string(), &leader)).unwrap();
    let code = cluster.run(&scenario, &out).wait().unwrap().code();
    let told = result(&out);
    assert_eq!((code, told.reason), (Some(0), None));
    assert!(told.metrics.writes_back_s.is_some(), "a switchover is a short outage");
    assert_eq!(cluster.leader(), candidate.name());

    let (code, judged) = cluster.judged("primary-5432-drop-socket", &folder.path().join("run"));
    assert_eq!((code, judged.verdict), (Some(0), RunVerdict::Pass), "{:#?}", judged.expectations);

    let out = folder.path().join("interrupted");
    let mut run = cluster.run(&shipped("primary-5432-drop-socket"), &out);
    poll_until("a cut in force", Duration::from_mins(1), || !cluster.cuts().is_empty());
    // An impatient person presses twice.
    let pid = Pid::from_child(&run);
    kill_process(pid, Signal::INT).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert!(!cluster.has_datapath());
    assert!(result(&out).interrupted);
}

/// Patroni hands over to the candidate, and then refuses to do so to a node that does not exist.
fn switchover(candidate: &str, leader: &str) -> String {
    format!(
        r#"
title = "From {leader} to {candidate}"

[[step]]
switchover = "{candidate}"

[[step]]
until = "healthy"
within = "60s"

[[step]]
switchover = "pg9"
status = 412

[[expect]]
that = "no-acknowledged-write-lost"
"#
    )
}

/// A shipped scenario whose cut has a lease of its own.
fn with_lease(scenario: &str, lease: &str, folder: &Path) -> PathBuf {
    let text = fs::read_to_string(shipped(scenario)).unwrap();
    let cuts = shipped(scenario).parent().unwrap().join("../cuts").canonicalize().unwrap();
    let text = text.replace("apply = \"../cuts", &format!("for = \"{lease}\"\napply = \"{}", cuts.display()));
    let file = folder.join(scenario).with_extension("toml");
    fs::write(&file, text).unwrap();
    file
}

fn report(out: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_netsplit")).arg("report").arg(out).output().unwrap()
}

#[test]
fn a_cut_outlives_its_killed_run_until_its_lease_ends() {
    let (cluster, folder) = (Cluster::up("killed", LocalConnection::Tcp), tempfile::tempdir().unwrap());
    let scenario = with_lease("primary-5432-drop", "15s", folder.path());
    let out = folder.path().join("killed");
    let mut run = cluster.run(&scenario, &out);
    // Its observers have seen it, too.
    let record = out.join(EVENTS_FILE);
    poll_until("a cut that hits", Duration::from_mins(1), || {
        let events = read_events(&record).unwrap_or_default();
        events.iter().any(|event| event.kind == Kind::Hit)
    });
    run.kill().unwrap();
    run.wait().unwrap();

    // Nobody is left who would revert it, and it is in force.
    let status = Command::new(env!("CARGO_BIN_EXE_netsplit")).arg("status").output().unwrap();
    let table = String::from_utf8(status.stdout).unwrap();
    let [cut] = cluster.cuts().try_into().unwrap();
    assert!(!cut.expired && table.contains(&cut.id.to_string()), "{table}");
    let node = Host::named(&cut.node).unwrap();
    let postgres = SocketAddr::new(node.address().into(), 5432);
    let answers = || {
        let connect = || TcpStream::connect_timeout(&postgres, Duration::from_millis(300)).is_ok();
        within(&cluster.layout().target(Host::Mon), connect).unwrap()
    };
    assert!(!answers());

    // The kernel ends it, not a second early and hardly a second late.
    poll_until("an answer on PostgreSQL's port", Duration::from_secs(30), answers);
    let late = BootInstant::now().seconds_after(cut.deadline);
    assert!((0.0..2.0).contains(&late), "{late} s after the deadline");
    assert!(cluster.cuts()[0].expired);

    // What was recorded is readable, and the report does not say more than it knows.
    assert!(read_events(&record).unwrap().len() > 10);
    assert_eq!(report(&out).status.code(), Some(3));
    let told = result(&out);
    assert_eq!(told.verdict, RunVerdict::Error);
    assert!(told.reason.as_ref().unwrap().contains("netsplit was killed"), "{told:?}");
    assert!(told.cuts[0].packets > 0);

    cut::revert(&cut.id).unwrap();
    assert!(!cluster.has_datapath());

    // Asked to end instead of killed, a run reverts and reports.
    let out = folder.path().join("terminated");
    let mut run = cluster.run(&scenario, &out);
    poll_until("a cut in force", Duration::from_mins(2), || !cluster.cuts().is_empty());
    kill_process(Pid::from_child(&run), Signal::TERM).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert!(!cluster.has_datapath());
    let told = result(&out);
    assert!(told.interrupted && told.cuts.len() == 1, "{told:?}");
    assert!(fs::read_to_string(out.join("report.md")).unwrap().contains("interrupted"));
}
