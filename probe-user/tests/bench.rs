//! The bench, as CI can run it: quickly, for whether it measures at all. What it measures is for people to read.

#![allow(clippy::unwrap_used, reason = "a test ends where its surroundings fail it")]

#[path = "../benches/bench/report/model.rs"]
#[expect(dead_code, reason = "the bench fills it")]
mod model;
#[path = "../benches/bench/statistics.rs"]
#[expect(dead_code, reason = "the bench counts by it")]
mod statistics;

use std::{collections::BTreeSet, env, fs, path::Path, process::Command, thread, time::Duration};

use schemars::generate::SchemaSettings;
use serde_json::Value;

/// What mends a schema that is not the code's.
const WRITE_ANEW: &str =
    "INSTA_UPDATE=always cargo test -p probe-user --features kernel-tests --test bench schema";

/// The schema of `bench.json`, as the code has it.
fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    generator.into_root_schema_for::<model::Report>().to_value()
}

#[test]
fn the_committed_schema_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/bench/bench.schema.json");
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "{} is not what the code says; `{WRITE_ANEW}` writes it anew", path.display());
}

/// The names in a folder; none where there is no folder.
fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// What is in the kernel and could have been left there: namespaces, pins, programs and maps.
fn present() -> BTreeSet<String> {
    let mut all = names("/run/netns");
    all.extend(names("/sys/fs/bpf"));
    all.extend(names("/sys/fs/bpf/netsplit"));
    for kind in ["prog", "map", "link"] {
        let listed = Command::new("bpftool").args(["--json", kind, "list"]).output().unwrap();
        let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
        all.extend(listed.as_array().unwrap().iter().map(|it| format!("{kind} {} {}", it["id"], it["name"])));
    }
    let namespaces = Command::new("lsns").args(["--type", "net", "--noheadings", "--output", "NS"]).output();
    all.extend(String::from_utf8(namespaces.unwrap().stdout).unwrap().lines().map(str::to_owned));
    all
}

#[test]
fn a_quick_run_has_every_figure_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let before = present();
    let bench = ["bench", "--profile", "dev", "--package", "probe-user", "--features", "kernel-tests"];
    let child = Command::new(env::var_os("CARGO").unwrap())
        .args(bench)
        .args(["--bench", "bench", "--", "--quick", "--out"])
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{said}");

    let text = fs::read_to_string(folder.path().join("bench.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["schema"], "netsplit/bench/1");
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let problems: Vec<_> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    let measured = report["measurements"].as_array().unwrap();
    let titles: Vec<_> = measured.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(titles, ["packet", "flood", "parts", "reaction", "unconcerned", "load"]);
    for one in measured {
        let rows = one["rows"].as_array().unwrap();
        assert!(rows.len() > 3, "{one}");
        for row in rows {
            let figure = |name: &str| row["figures"][name].as_f64().unwrap();
            assert!(figure("median") > 0.0 && figure("min") <= figure("median"), "{row}");
            assert!(figure("median") <= figure("p99") && figure("samples") >= 1.0, "{row}");
        }
    }
    let goals = report["goals"].as_array().unwrap();
    assert!(goals.iter().all(|goal| goal["met"].is_boolean() && goal["figure"].is_string()), "{goals:?}");
    // Whatever the machine is busy with: nobody's pass takes 10 µs.
    let packet = &measured[0]["rows"];
    let slow = packet.as_array().unwrap().iter().filter(|row| row["case"] == "pass");
    let slow: Vec<_> = slow.filter(|row| row["figures"]["median"].as_f64().unwrap() > 10_000.0).collect();
    assert!(slow.is_empty(), "{slow:?}");
    for file in ["bench.md", "bench.svg"] {
        let text = fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(text.contains("Packets a second over veth"), "{file}");
    }

    // The kernel frees what nobody uses any more a little later.
    let mut left = Vec::new();
    for _ in 0..50 {
        left = present().difference(&before).cloned().collect();
        if left.is_empty() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(left, Vec::<String>::new());
}
