//! The shipped scenarios, run against real clusters through the command that people type.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    cluster::LocalConnection,
    cut,
    lab::{Lab, LabName, Layout, Options},
    report::{RunResult, RunVerdict},
};
use rustix::process::{Pid, Signal, kill_process};

/// A fast lab of this process's own, gone at the end.
struct Cluster(LabName);

impl Cluster {
    fn up(what: &str, local: LocalConnection) -> Self {
        let name: LabName = format!("test-{}-{what}", std::process::id()).parse().unwrap();
        let cluster = Self(name.clone());
        let options = Options { name, local, timings: Options::FAST_TIMINGS, ..Options::default() };
        Lab::up(&options, &mut |_| ControlFlow::Continue(())).unwrap_or_else(|error| panic!("{error}"));
        cluster
    }

    /// `netsplit run` of a shipped scenario.
    fn run(&self, scenario: &str, out: &Path) -> Child {
        let scenarios = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../policies/scenarios");
        Command::new(env!("CARGO_BIN_EXE_netsplit"))
            .arg("run")
            .arg(scenarios.join(scenario).with_extension("toml"))
            .arg("--cluster")
            .arg(Layout::of(&self.0).inventory())
            .arg("--out")
            .arg(out)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The same to its end: its exit code and its result.
    fn judged(&self, scenario: &str, out: &Path) -> (Option<i32>, RunResult) {
        let code = self.run(scenario, out).wait().unwrap().code();
        (code, result(out))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = Lab::remove(&self.0);
    }
}

fn result(out: &Path) -> RunResult {
    serde_json::from_str(&fs::read_to_string(out.join("result.json")).unwrap()).unwrap()
}

/// Cuts that are in force for a node of the lab.
fn cuts(cluster: &Cluster) -> usize {
    let targets = Layout::of(&cluster.0).targets();
    cut::status().unwrap().iter().filter(|cut| targets.contains(&cut.target)).count()
}

#[test]
fn by_tcp_the_primary_is_lost_and_two_nodes_are_writable() {
    let (cluster, folder) = (Cluster::up("tcp", LocalConnection::Tcp), tempfile::tempdir().unwrap());
    let out = folder.path().join("5432");
    let (code, judged) = cluster.judged("primary-5432-drop", &out);
    assert_eq!((code, judged.verdict), (Some(0), RunVerdict::Pass), "{:#?}", judged.expectations);
    assert!(judged.metrics.two_writable_primaries_s.is_some_and(|seconds| seconds > 5.0));
    assert_eq!(cuts(&cluster), 0);

    // The wrong cluster for a scenario is an error with a way out, before anything is cut.
    let (code, refused) = cluster.judged("primary-5432-drop-socket", &folder.path().join("refused"));
    assert_eq!((code, refused.cuts.len()), (Some(3), 0));
    assert!(refused.reason.unwrap().contains("netsplit lab up --local socket"));

    let (code, judged) = cluster.judged("primary-8008-drop", &folder.path().join("8008"));
    assert_eq!((code, judged.verdict), (Some(0), RunVerdict::Pass), "{:#?}", judged.expectations);

    // Every report is rebuilt from the record alone.
    let before = result(&out);
    fs::remove_file(out.join("result.json")).unwrap();
    let mut report = Command::new(env!("CARGO_BIN_EXE_netsplit"));
    assert!(report.arg("report").arg(&out).output().unwrap().status.success());
    assert_eq!(result(&out), before);
}

#[test]
fn by_socket_nobody_fails_over_and_an_interrupt_reverts() {
    let (cluster, folder) = (Cluster::up("socket", LocalConnection::Socket), tempfile::tempdir().unwrap());
    let (code, judged) = cluster.judged("primary-5432-drop-socket", &folder.path().join("run"));
    assert_eq!((code, judged.verdict), (Some(0), RunVerdict::Pass), "{:#?}", judged.expectations);

    let out = folder.path().join("interrupted");
    let mut run = cluster.run("primary-5432-drop-socket", &out);
    let deadline = Instant::now() + Duration::from_mins(1);
    while cuts(&cluster) == 0 {
        assert!(Instant::now() < deadline, "no cut came into force");
        thread::sleep(Duration::from_millis(50));
    }
    // An impatient person presses twice.
    let pid = Pid::from_child(&run);
    kill_process(pid, Signal::INT).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert_eq!(cuts(&cluster), 0);
    assert!(result(&out).interrupted);
}
