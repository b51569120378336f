//! Actions on a real cluster, one after another, as a scenario has them.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    lab::{Host, Lab, LabName, Options},
    record::ZeroFrom,
    report::{RunResult, RunVerdict},
    scenario::Verdict,
};

/// A fast lab of this process's own, gone at the end.
struct Cluster(Lab, LabName);

impl Cluster {
    fn up() -> Self {
        let name: LabName = format!("test-{}-act", std::process::id()).parse().unwrap();
        let options = Options { name: name.clone(), timings: Options::FAST_TIMINGS, ..Options::default() };
        let up = Lab::up(&options, &mut |_| ControlFlow::Continue(()));
        Self(up.unwrap_or_else(|error| panic!("{error}")), name)
    }

    /// `netsplit run` of a scenario.
    fn command(&self, scenario: &Path, out: &Path) -> Command {
        let mut run = Command::new(env!("CARGO_BIN_EXE_netsplit"));
        run.arg("run").arg(scenario).arg("--cluster").arg(self.0.layout().inventory()).arg("--out").arg(out);
        run
    }

    /// Its exit code and its result.
    fn run(&self, scenario: &Path, out: &Path) -> (Option<i32>, RunResult) {
        let output = self.command(scenario, out).output().unwrap();
        let result = fs::read_to_string(out.join("result.json")).unwrap_or_else(|_| panic!("{output:?}"));
        (output.status.code(), serde_json::from_str(&result).unwrap())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = Lab::remove(&self.1);
    }
}

/// Nobody fails over: Patroni starts PostgreSQL again, and a paused one goes on.
const SAME_LEADER: &str = r#"
title = "The primary's PostgreSQL is killed and paused"

[[step]]
kill = "postgres"
signal = "KILL"
node = "@leader"
[[step]]
until = "writes-back"
within = "30s"
required = true
[[step]]
pause = "postgres"
node = "@any-replica"
[[step]]
resume = "postgres"
node = "@any-replica"
[[step]]
until = "healthy"
within = "60s"
required = true
# Nobody resumes this one: the end of the run does.
[[step]]
pause = "patroni"
node = "@any-replica"

[[expect]]
that = "leader-unchanged"
[[expect]]
that = "writes-stop"
within = "5s"
[[expect]]
that = "writes-back"
within = "30s"
"#;

/// The leader key to a replica, and to nobody; and a machine and a server that come back by themselves.
const SWITCHOVERS: &str = r#"
title = "Switchovers, a reboot and a stop"

[[step]]
switchover = "pg9"
status = 412
[[step]]
switchover = "@any-replica"
[[step]]
until = "healthy"
within = "60s"
required = true
[[step]]
reboot = true
node = "@any-replica"
after = "1s"
[[step]]
until = "healthy"
within = "60s"
required = true
[[step]]
stop = "postgres"
node = "@leader"
[[step]]
until = "healthy"
within = "60s"
required = true
# A wrong expectation, which does not end the scenario.
[[step]]
switchover = "pg9"

[[expect]]
that = "new-leader"
within = "15s"
"#;

/// Whom everybody can still name after the leader has changed, and what Patroni is asked by either way.
const BY_EITHER_WAY: &str = r#"
title = "Requests by REST and by patronictl"

[[step]]
as = "deaf"
[[step.rule]]
node = "@any-replica"
direction = "in"
protocol = "tcp"
ports = [8008]
action = "reset"
[[step]]
switchover = "@any-replica"
status = 412
body = "no good candidates"
[[step]]
switchover = "@any-replica"
via = "patronictl"
status = 412
exit = 0
[[step]]
failover = "@any-replica"
via = "patronictl"
status = 412
[[step]]
failover = true
status = 400
[[step]]
revert = true
[[step]]
until = "healthy"
within = "60s"
required = true
[[step]]
maintenance = true
[[step]]
maintenance = true
via = "patronictl"
exit = 1
body = "already paused"
[[step]]
maintenance = false
via = "patronictl"
[[step]]
maintenance = true
via = "patronictl"
[[step]]
maintenance = false
[[step]]
restart = true
node = "@any-replica"
[[step]]
restart = true
node = "@other-replica"
via = "patronictl"
[[step]]
switchover = "@any-replica"
via = "patronictl"
[[step]]
until = "healthy"
within = "60s"
required = true
# The same node still, though it leads now.
[[step]]
restart = true
node = "@any-replica"
[[step]]
failover = "@old-leader"
[[step]]
until = "healthy"
within = "60s"
required = true
[[step]]
failover = "@new-leader"
via = "patronictl"
[[step]]
until = "healthy"
within = "60s"
required = true
[[step]]
reinitialise = true
node = "@other-replica"
[[step]]
until = "member-back"
within = "60s"
required = true
[[step]]
reinitialise = true
node = "@old-leader"
via = "patronictl"
[[step]]
until = "member-back"
within = "60s"
required = true
[[step]]
kill = "haproxy"
signal = "KILL"
[[step]]
start = "haproxy"
[[step]]
kill = "etcd"
signal = "KILL"
[[step]]
start = "etcd"
# Nobody starts these again: the end of the run does.
[[step]]
kill = "haproxy"
signal = "KILL"
[[step]]
stop = "patroni"
node = "@other-replica"
[[step]]
maintenance = true

[[expect]]
that = "new-leader"
within = "60s"
"#;

/// Nothing of this is undone by the scenario, and somebody interrupts the last step.
const INTERRUPTED: &str = r#"
title = "An operator who changes their mind"

[[step]]
maintenance = true
[[step]]
stop = "patroni"
node = "@any-replica"
[[step]]
pause = "patroni"
node = "@other-replica"
[[step]]
wait = "300s"

[[expect]]
that = "leader-unchanged"
"#;

/// One lab for all of them: it takes longer to make than most of them take.
#[test]
fn actions_on_a_real_cluster() {
    let (cluster, folder) = (Cluster::up(), tempfile::tempdir().unwrap());
    a_cluster_is_killed_paused_stopped_started_and_switched_over(&cluster, folder.path());
    patroni_is_asked_by_either_way_and_everything_is_put_back(&cluster, folder.path());
    what_an_interrupted_run_left_is_put_back(&cluster, folder.path());
}

/// A scenario's file.
fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name).with_extension("toml");
    fs::write(&file, text).unwrap();
    file
}

fn patroni_is_asked_by_either_way_and_everything_is_put_back(cluster: &Cluster, folder: &Path) {
    let (code, result) = cluster.run(&write(folder, "either", BY_EITHER_WAY), &folder.join("either"));
    assert_eq!((code, result.verdict), (Some(0), RunVerdict::Pass), "{result:#?}");
    let node = |step: usize| result.steps[step].action.as_ref().unwrap().node.clone().unwrap();
    assert_eq!(node(12), node(16), "@any-replica is one node all the way");
    let back = result.steps.last().unwrap().action.as_ref().unwrap().outcome.clone().unwrap();
    for words in ["maintenance mode is off again", "Patroni on", "HAProxy on ha"] {
        assert!(back.contains(words), "{back}");
    }
}

fn what_an_interrupted_run_left_is_put_back(cluster: &Cluster, folder: &Path) {
    let patronis = || Host::POSTGRES.map(|host| cluster.0.pids(host).patroni);
    let before = patronis();
    assert!(before.iter().all(Option::is_some), "{before:?}");
    let out = folder.join("interrupted");
    let mut run = cluster.command(&write(folder, "interrupted", INTERRUPTED), &out);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(2);
    while !fs::read_to_string(out.join("events.jsonl")).unwrap_or_default().contains("\"wait 300s\"") {
        assert!(Instant::now() < deadline && run.try_wait().unwrap().is_none(), "it never waits");
        thread::sleep(Duration::from_millis(100));
    }
    let pid = rustix::process::Pid::from_child(&run);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let text = fs::read_to_string(out.join("result.json")).unwrap();
    let result: RunResult = serde_json::from_str(&text).unwrap();
    let back = result.steps.last().unwrap().action.as_ref().unwrap().outcome.clone().unwrap();
    for words in ["goes on", "is started again", "maintenance mode is off again"] {
        assert!(back.contains(words), "{back}");
    }
    let after = patronis();
    assert!(after.iter().all(Option::is_some), "{after:?}");
    assert_eq!(before.iter().zip(&after).filter(|(before, after)| before != after).count(), 1);
}

fn a_cluster_is_killed_paused_stopped_started_and_switched_over(cluster: &Cluster, folder: &Path) {
    let run = |name: &str, text: &str| cluster.run(&write(folder, name, text), &folder.join(name));

    let scenario =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/patroni-ha/primary-process-4.toml");
    // First, while every replica surely streams: it asks for writes that were lost.
    let (code, failover) = cluster.run(&scenario, &folder.join("failover"));
    assert_eq!((code, failover.verdict), (Some(0), RunVerdict::Pass), "{failover:#?}");

    let (code, same) = run("same", SAME_LEADER);
    assert_eq!((code, same.verdict), (Some(0), RunVerdict::Pass), "{same:#?}");
    assert_eq!(same.metrics.zero, Some(ZeroFrom::Action));
    let killed = same.steps[0].action.as_ref().unwrap();
    assert!(killed.node.is_some() && killed.outcome.as_ref().unwrap().ends_with("is dead"), "{killed:?}");
    let paused = same.steps[2].action.as_ref().unwrap().outcome.as_ref().unwrap();
    assert!(paused.contains("processes in all"), "{paused}");

    // It begins with a healthy cluster, so what was paused goes on.
    let (code, switched) = run("switched", SWITCHOVERS);
    assert_eq!((code, switched.verdict), (Some(1), RunVerdict::Fail), "{switched:#?}");
    let answer = |step: usize| switched.steps[step].action.as_ref()?.request.as_ref()?.status;
    assert_eq!([0, 1, 7].map(answer), [Some(412), Some(200), Some(412)], "{:#?}", switched.steps);
    let verdicts: Vec<_> = switched.expectations.iter().map(|one| (one.name.as_str(), one.verdict)).collect();
    assert_eq!(
        verdicts,
        [
            ("new-leader", Verdict::Pass),
            ("step-1-answer", Verdict::Pass),
            ("step-2-answer", Verdict::Pass),
            ("step-8-answer", Verdict::Fail),
        ]
    );
}
