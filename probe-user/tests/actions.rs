//! Actions on a real cluster, one after another, as a scenario has them.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{fs, ops::ControlFlow, path::Path, process::Command};

use netsplit::{
    lab::{Lab, LabName, Options},
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

    /// `netsplit run` of a scenario: its exit code and its result.
    fn run(&self, scenario: &Path, out: &Path) -> (Option<i32>, RunResult) {
        let mut run = Command::new(env!("CARGO_BIN_EXE_netsplit"));
        run.arg("run").arg(scenario).arg("--cluster").arg(self.0.layout().inventory()).arg("--out").arg(out);
        let output = run.output().unwrap();
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

#[test]
fn a_cluster_is_killed_paused_stopped_started_and_switched_over() {
    let (cluster, folder) = (Cluster::up(), tempfile::tempdir().unwrap());
    let run = |name: &str, text: &str| {
        let file = folder.path().join(name).with_extension("toml");
        fs::write(&file, text).unwrap();
        cluster.run(&file, &folder.path().join(name))
    };

    let (code, same) = run("same", SAME_LEADER);
    assert_eq!((code, same.verdict), (Some(0), RunVerdict::Pass), "{same:#?}");
    assert_eq!(same.metrics.zero, Some(ZeroFrom::Action));
    let killed = same.steps[0].action.as_ref().unwrap();
    assert!(killed.node.is_some() && killed.outcome.as_ref().unwrap().ends_with("is dead"), "{killed:?}");
    let paused = same.steps[2].action.as_ref().unwrap().outcome.as_ref().unwrap();
    assert!(paused.contains("processes in all"), "{paused}");

    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/scenarios/primary-process-4.toml");
    // It begins with a healthy cluster, so what was paused goes on.
    let (code, failover) = cluster.run(&scenario, &folder.path().join("failover"));
    assert_eq!((code, failover.verdict), (Some(0), RunVerdict::Pass), "{failover:#?}");

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
