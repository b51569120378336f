//! Whole suites on a real cluster: what is left broken is mended and told, and an interrupt still reports.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    lab::{self, LabName},
    report::suite::{SuiteResult, SuiteVerdict},
    suite::{JOURNAL, Note, read_journal},
};
use rustix::process::{Pid, Signal, kill_process};

const QUIET: &str = r#"
title = "A moment of ordinary life"
document = "Nothing happens."
[[step]]
wait = "1s"
[[expect]]
that = "writes-continue"
"#;

/// What the run does not know of it does not put back: that is for whoever heals the cluster.
const STOPPED: &str = r#"
title = "Patroni is killed behind our back"
document = "No failover."
[[step]]
run = ["sh", "-c", "kill -9 $(cat PID_FILE)"]
[[step]]
wait = "1s"
[[expect]]
that = "leader-unchanged"
"#;

const FAILS: &str = r#"
title = "An expectation that is not met"
[[step]]
wait = "500ms"
[[expect]]
that = "two-writable-primaries"
at_least = "5s"
"#;

const LONG: &str = r#"
title = "Longer than anybody waits"
[[step]]
wait = "10m"
[[expect]]
that = "writes-continue"
"#;

const SUITE: &str = r#"
title = "A suite for a test"
source = "a written procedure"
[[section]]
title = "First"
scenarios = ["quiet", "stopped", "fails"]
[[section]]
title = "Then"
scenarios = ["long", "late"]
"#;

/// The scenarios in a folder, and a lab of this process's own, gone at the end.
struct Bench {
    folder: tempfile::TempDir,
    lab: LabName,
}

impl Bench {
    fn new(what: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("scenarios");
        fs::create_dir(&files).unwrap();
        let lab: LabName = format!("test-{}-{what}", std::process::id()).parse().unwrap();
        let pid_file = lab::Layout::of(&lab).pid_file(lab::Host::Pg2, "patroni");
        for (name, text) in [
            ("suite", SUITE),
            ("quiet", QUIET),
            ("stopped", STOPPED),
            ("fails", FAILS),
            ("long", LONG),
            ("late", QUIET),
        ] {
            let text = text.replace("PID_FILE", &pid_file.display().to_string());
            fs::write(files.join(name).with_extension("toml"), text).unwrap();
        }
        Self { folder, lab }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// `netsplit run` of the folder on a lab made for it.
    fn run(&self, more: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_netsplit"))
            .arg("run")
            .arg(self.folder.path().join("scenarios"))
            .args(["--lab", "fast", "--name", self.lab.as_str(), "--out"])
            .arg(self.out())
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = lab::Lab::remove(&self.lab);
    }
}

fn result(out: &Path) -> SuiteResult {
    serde_json::from_str(&fs::read_to_string(out.join("result.json")).unwrap()).unwrap()
}

fn report(out: &Path) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_netsplit")).arg("report").arg(out).output().unwrap()
}

#[test]
fn what_a_scenario_leaves_broken_is_mended_and_told() {
    let bench = Bench::new("suite");
    let output = bench.run(&["--only", "quiet,stopped,fails", "--repeat", "2"]).wait_with_output().unwrap();
    let (table, talk) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{talk}{table}");
    assert!(!lab::list().contains(&bench.lab), "the lab is still up");

    let told = result(&bench.out());
    assert_eq!(told.verdict, SuiteVerdict::Fail, "{talk}");
    assert_eq!((told.totals.scenarios, told.totals.passed, told.totals.failed), (3, 2, 1), "{talk}{table}");
    assert_eq!((told.totals.runs, told.totals.runs_passed), (6, 4));
    for run in &told.scenario("stopped").unwrap().runs {
        let healing = run.healing.as_ref().unwrap();
        assert!(healing.mended.iter().any(|mended| mended.contains("Patroni on pg")), "{healing:?}");
        assert!(healing.lost.is_none() && healing.seconds > 0.1, "{healing:?}");
    }
    assert!(
        told.scenario("quiet").unwrap().runs.iter().all(|run| run.lab.as_deref() == Some(bench.lab.as_str()))
    );

    // The time adds up, and hardly any of it is netsplit's own.
    let time = told.time;
    assert!((time.waiting_s + time.labs_s + time.own_s - time.wall_s).abs() < 0.1, "{time:?}");
    assert!(time.waiting_s > 5.0 && time.labs_s > 2.0, "{time:?}");

    for said in ["First", "Nothing happens.", "writes continue: they did", "2 of 3 rows passed"] {
        assert!(table.contains(said), "{said}\n{table}");
    }
    for said in ["PASS quiet", "PASS stopped", "FAIL fails", "healthy again after"] {
        assert!(talk.contains(said), "{said}\n{talk}");
    }
    for run in ["quiet", "quiet-2", "stopped-2", "fails"] {
        assert!(bench.out().join(run).join("events.jsonl").exists(), "{run}");
    }

    // Every report is rebuilt from the records alone.
    fs::remove_file(bench.out().join("result.json")).unwrap();
    fs::remove_file(bench.out().join("quiet/result.json")).unwrap();
    assert_eq!(report(&bench.out()).status.code(), Some(1));
    assert_eq!(result(&bench.out()), told);
    assert!(bench.out().join("quiet/result.json").exists());
}

#[test]
fn an_interrupted_suite_reports_what_it_has_and_leaves_no_lab() {
    let bench = Bench::new("stop");
    let run = bench.run(&["--only", "quiet,fails,l*"]);
    let (deadline, out) = (Instant::now() + Duration::from_mins(3), bench.out());
    while !fs::read_to_string(out.join("long/events.jsonl")).unwrap_or_default().contains("wait 10m") {
        assert!(Instant::now() < deadline, "it never came to the long one");
        thread::sleep(Duration::from_millis(100));
    }
    // An impatient person presses twice.
    let pid = Pid::from_child(&run);
    kill_process(pid, Signal::INT).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let output = run.wait_with_output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{table}");
    assert!(!lab::list().contains(&bench.lab), "the lab is still up");

    let told = result(&out);
    let verdict = |id: &str| told.scenario(id).unwrap().verdict;
    assert_eq!(told.verdict, SuiteVerdict::Interrupted);
    assert_eq!((verdict("quiet"), verdict("fails")), (SuiteVerdict::Pass, SuiteVerdict::Fail));
    assert_eq!((verdict("long"), verdict("late")), (SuiteVerdict::Interrupted, SuiteVerdict::NotRun));
    assert!(table.contains("INTERRUPTED") && table.contains("1 interrupted, 1 not run"), "{table}");
    let last = read_journal(&out).unwrap().pop().unwrap();
    assert!(matches!(last, Note::Ended { interrupted: true, .. }), "{last:?} in {JOURNAL}");
}
