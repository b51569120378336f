//! A comparison on real clusters side by side: what differs is told, an interrupt reports, and nothing stays.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    cluster::LocalConnection,
    compare::{Comparison, JOURNAL, Reading},
    lab::{Lab, LabName, Layout},
    report::RunResult,
};
use rustix::process::{Pid, Signal, kill_process};

/// A cut of the REST API that is too short for anybody to act on, so that the test is quick: what a client meets is known.
const SCENARIO: &str = r#"
title = "The primary's REST API is cut for a moment"
[[step]]
as = "cut"
[[step.rule]]
node = "@leader"
ports = [8008]
action = "drop"
[[step]]
wait = "3s"
[[step]]
revert = true
[[step]]
wait = "1s"
[[expect]]
that = "leader-unchanged"
"#;

/// Labs of this name, gone at the end, however that is.
struct Bench {
    folder: tempfile::TempDir,
    name: String,
    labs: u32,
}

impl Bench {
    fn new(what: &str, labs: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("moment.toml"), SCENARIO).unwrap();
        Self { folder, name: format!("cmp{}-{what}", std::process::id()), labs }
    }

    fn compare(&self, vary: &str, more: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_netsplit"))
            .arg("compare")
            .arg(self.folder.path().join("moment.toml"))
            .args(["--vary", vary, "--lab", "fast", "--name", &self.name, "--out"])
            .arg(self.out())
            .args(["--labs", &self.labs.to_string()])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn out(&self) -> std::path::PathBuf {
        self.folder.path().join("out")
    }

    /// All labs that it may make.
    fn names(&self) -> impl Iterator<Item = LabName> {
        let kinds = ["", "-tcp", "-socket"];
        let names = move |worker| kinds.map(|kind| format!("{}-{worker}{kind}", self.name));
        (1..=self.labs).flat_map(names).map(|name| name.parse().unwrap())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.names().for_each(|name| drop(Lab::remove(&name)));
    }
}

fn result(directory: &Path) -> Comparison {
    serde_json::from_str(&fs::read_to_string(directory.join("result.json")).unwrap()).unwrap()
}

#[test]
fn two_labs_side_by_side_tell_a_drop_from_a_reset() {
    let bench = Bench::new("two", 2);
    let output =
        bench.compare("action=drop,reset", &["--repeat", "2", "--seed", "1"]).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let comparison = result(&bench.out());
    assert_eq!(comparison.counted(), (4, 4), "{said}");
    let seconds = |cell: usize, measure: &str| match comparison.cells[cell].runs[0].readings[measure] {
        Reading::Number(seconds) => seconds,
        other => panic!("{measure} is {other:?}"),
    };
    // Where packets vanish a client waits; where they are reset it knows at once.
    assert!(seconds(0, "rest_timeouts") > 1.0 && seconds(1, "rest_timeouts") < 0.5, "{said}");
    let refused = seconds(1, "rest_refusals") + seconds(1, "rest_resets");
    assert!(refused > 1.0, "{said}");
    assert!(comparison.cells.iter().all(|cell| cell.runs[0].readings["new_leader"] == Reading::NEVER));
    let labs: std::collections::BTreeSet<_> =
        comparison.cells.iter().flat_map(|cell| &cell.runs).map(|run| run.lab.clone()).collect();
    assert_eq!(labs.len(), 2, "both labs had runs: {labs:?}");

    // All of it can be made again from what was recorded, and says the same.
    let page = fs::read_to_string(bench.out().join("report.html")).unwrap();
    for file in ["result.json", "report.html", "report.md", "runs.csv", "summary.csv"] {
        fs::remove_file(bench.out().join(file)).unwrap();
    }
    let again = Command::new(env!("CARGO_BIN_EXE_netsplit")).arg("report").arg(bench.out()).output().unwrap();
    assert_eq!(again.status.code(), Some(0));
    assert_eq!(result(&bench.out()), comparison);
    assert_eq!(fs::read_to_string(bench.out().join("report.html")).unwrap(), page);
    assert!(String::from_utf8_lossy(&again.stdout).contains("REST API timed out"));
    for name in bench.names() {
        assert!(!Layout::of(&name).root().exists(), "the lab {name} stays");
    }
}

#[test]
fn a_field_of_the_lab_is_varied_by_labs_that_differ_in_it() {
    let bench = Bench::new("lab", 1);
    let output = bench.compare("local=tcp,socket", &["--repeat", "1"]).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let comparison = result(&bench.out());
    assert_eq!(comparison.counted(), (2, 2), "{said}");
    let asked = comparison.cells.iter().map(|cell| {
        let run = &cell.runs[0];
        let text = fs::read_to_string(bench.out().join(&run.directory).join("result.json")).unwrap();
        let result: RunResult = serde_json::from_str(&text).unwrap();
        let local = result.environment.and_then(|environment| environment.lab).map(|lab| lab.local);
        (cell.levels[0].clone(), run.lab.clone(), local)
    });
    let lab = |kind: &str| format!("{}-1-{kind}", bench.name);
    let wanted = [
        ("tcp".to_owned(), lab("tcp"), Some(LocalConnection::Tcp)),
        ("socket".to_owned(), lab("socket"), Some(LocalConnection::Socket)),
    ];
    assert_eq!(asked.collect::<Vec<_>>(), wanted, "{said}");
    assert_eq!(comparison.environments.len(), 2, "two kinds of clusters");
    for name in bench.names() {
        assert!(!Layout::of(&name).root().exists(), "the lab {name} stays");
    }
}

#[test]
fn an_interrupt_reverts_reports_and_removes_the_labs() {
    let bench = Bench::new("int", 1);
    let child = bench.compare("action=drop,reset", &["--repeat", "50"]);
    let begun = Instant::now();
    let ran = || fs::read_to_string(bench.out().join(JOURNAL)).is_ok_and(|text| text.contains("\"ran\""));
    while !ran() {
        assert!(begun.elapsed() < Duration::from_mins(3), "no run within three minutes");
        thread::sleep(Duration::from_millis(100));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let comparison = result(&bench.out());
    assert!(comparison.interrupted && comparison.counted().0 >= 1);
    for name in bench.names() {
        assert!(!Layout::of(&name).root().exists(), "the lab {name} stays");
    }
}
