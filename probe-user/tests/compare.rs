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
    compare::{Comparison, JOURNAL, Reading},
    lab::{Lab, LabName, Layout},
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

    fn compare(&self, more: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_netsplit"))
            .arg("compare")
            .arg(self.folder.path().join("moment.toml"))
            .args(["--vary", "action=drop,reset", "--lab", "fast", "--name", &self.name, "--out"])
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

    fn names(&self) -> impl Iterator<Item = LabName> {
        (1..=self.labs).map(|worker| format!("{}-{worker}", self.name).parse().unwrap())
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
    let output = bench.compare(&["--repeat", "2", "--seed", "1"]).wait_with_output().unwrap();
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
fn an_interrupt_reverts_reports_and_removes_the_labs() {
    let bench = Bench::new("int", 1);
    let child = bench.compare(&["--repeat", "50"]);
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
