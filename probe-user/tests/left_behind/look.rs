//! What of netsplit's is in the kernel, as bpftool sees it.

use std::{collections::BTreeSet, process::Command};

use netsplit::backend::datapath::program_names;
use serde_json::Value;

/// Maps of ours by name; three of them make one of our datapaths. No program arrays: Linux (6.18) loses count of one that
/// is listed while it goes, and keeps it.
const MAPS: [&str; 5] = ["CONTROL", "RULESETS", "COUNTERS", "OBSERVED", "JOURNAL"];

/// Programs, maps and links of ours. A program with a name of ours and no map is a decoy.
pub(crate) fn objects() -> BTreeSet<String> {
    let list = |kind: &str| -> Vec<Value> {
        // One that is being made at this moment cannot be told, and bpftool gives up.
        let list = || Command::new("bpftool").args(["--json", kind, "list"]).output().unwrap();
        let told = (0..20).map(|_| list()).find(|output| output.status.success());
        let told: Value = serde_json::from_slice(&told.expect("bpftool lists").stdout).unwrap();
        told.as_array().unwrap().clone()
    };
    let name = |object: &Value| object["name"].as_str().unwrap_or_default().to_owned();
    let mut found = BTreeSet::new();
    let mut ours = BTreeSet::new();
    for program in list("prog") {
        let maps = program["map_ids"].as_array().map_or(0, Vec::len);
        if program_names().contains(&name(&program).as_str()) && maps > 0 {
            ours.insert(program["id"].as_u64().unwrap());
            found.insert(format!("prog {} {}", program["id"], name(&program)));
        }
    }
    for map in list("map").iter().filter(|map| MAPS.contains(&name(map).as_str())) {
        found.insert(format!("map {} {}", map["id"], name(map)));
    }
    for link in
        list("link").iter().filter(|link| link["prog_id"].as_u64().is_some_and(|id| ours.contains(&id)))
    {
        found.insert(format!("link {} of program {}", link["id"], link["prog_id"]));
    }
    found
}
