//! `netsplit explain` as a person or a script meets it: what the loaded programs say, and that nothing stays.

#![allow(clippy::unwrap_used, reason = "a test ends where its surroundings fail it")]

mod harness;

use std::{collections::BTreeSet, fmt::Write, fs, time::Duration};

use harness::{Pair, netsplit, netsplit_command, poll_until, run, told};
use netsplit::backend::datapath::program_names;
use serde_json::Value;

/// A folder with an inventory of two or three nodes, and one policy.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new(nodes: &[(&str, &str, &str)], policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut inventory = r#"
scope = "main"
[timings]
ttl = 30
loop_wait = 10
retry_timeout = 10
[observer]
transport = "local"
[postgres]
user = "postgres"
password = "x"
database = "postgres"
[etcd]
endpoints = ["http://10.88.0.20:2379"]
"#
        .to_owned();
        for (name, transport, address) in nodes {
            let _ = write!(
                inventory,
                "[[node]]\nname = \"{name}\"\ntransport = \"{transport}\"\naddress = \"{address}\"\n"
            );
        }
        fs::write(folder.path().join("inventory.toml"), inventory).unwrap();
        fs::write(folder.path().join("policy.toml"), policy).unwrap();
        Self { folder }
    }

    /// Three nodes that do not exist: explaining touches none.
    fn of_three(policy: &str) -> Self {
        let nowhere = ["pg1", "pg2", "pg3"].map(|name| format!("netns:nst-nowhere-{name}"));
        let [a, b, c] = &nowhere;
        Self::new(&[("pg1", a, "10.88.0.11"), ("pg2", b, "10.88.0.12"), ("pg3", c, "10.88.0.13")], policy)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn explain(&self, more: &[&str]) -> harness::Told {
        let (policy, inventory) = (self.path("policy.toml"), self.path("inventory.toml"));
        netsplit(&[&["explain", &policy, "--cluster", &inventory], more].concat())
    }

    /// What became of the packets, as JSON: for each, where it came to and how it fared there.
    fn asked(&self, packets: &[&str], more: &[&str]) -> Vec<String> {
        let packets: Vec<&str> = packets.iter().flat_map(|packet| ["--packet", packet]).collect();
        let told = self.explain(&[&packets[..], more, &["--format", "json"]].concat()).data();
        let json: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(json["schema"], "netsplit/explain/1");
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let step = |step: &Value| {
            let answer = step["answer"].as_str().map_or(String::new(), |answer| format!(": {answer}"));
            let origin = step["origin"].as_u64().map_or("-".to_owned(), |origin| origin.to_string());
            let (node, way, outcome, hook) =
                (text(&step["node"]), text(&step["way"]), text(&step["outcome"]), text(&step["hook"]));
            format!("{node} {way} {outcome} by {hook} {origin}{answer}")
        };
        let packets = json["packets"].as_array().unwrap().iter();
        packets
            .map(|packet| {
                packet["decisions"].as_array().unwrap().iter().map(step).collect::<Vec<_>>().join(", ")
            })
            .collect()
    }
}

#[test]
fn the_loaded_programs_say_which_rule_decides_and_how() {
    let files = Files::of_three(
        r#"
description = "a bit of everything"

[[rule]]
node = "pg1"
ports = [5432]
flows = "new"
action = "reset"

[[rule]]
node = "pg1"
ports = [8008]
peers = ["pg2"]
action = "reject"

[[rule]]
node = "pg1"
ports = [7]
interfaces = ["eth7"]
action = "drop"

[[rule]]
node = "pg2"
direction = "out"
peers = ["pg3"]
protocol = "any"
action = "drop"

[[topology]]
kind = "one-way"
from = ["pg2"]
to = ["pg3"]
protocol = "any"
action = "drop"

[[rule]]
node = "pg3"
ports = [6432]
action = "drop"
loopback = true
"#,
    );
    let table = [
        (
            "tcp 10.88.0.9:40000 > 10.88.0.11:5432 syn",
            "pg1 in answered by tc ingress 0: tcp 10.88.0.11:5432 > 10.88.0.9:40000 rst,ack",
        ),
        ("tcp 10.88.0.9:40000 > 10.88.0.11:5432 ack", "pg1 in passes by - -"),
        ("tcp 10.88.0.9:40000 > 10.88.0.11:5432 syn lo", "pg1 in passes by - -"),
        (
            "tcp 10.88.0.9:40000 > 10.88.0.11:5432 syn vlan 7",
            "pg1 in answered by tc ingress 0: tcp 10.88.0.11:5432 > 10.88.0.9:40000 rst,ack vlan 7",
        ),
        (
            "tcp 10.88.0.12:40000 > 10.88.0.11:8008 ack len 100",
            "pg2 out passes by - -, pg1 in answered by tc ingress 1: icmp 10.88.0.11 > 10.88.0.12 \
             destination-unreachable len 140",
        ),
        ("tcp 10.88.0.13:40000 > 10.88.0.11:8008 syn", "pg3 out passes by - -, pg1 in passes by - -"),
        ("tcp 10.88.0.12 > 10.88.0.11 frag later in", "pg1 in passes by - -"),
        ("tcp 10.88.0.9:1 > 10.88.0.11:7 syn", "pg1 in dropped by tc ingress 2"),
        ("tcp 10.88.0.9:1 > 10.88.0.11:7 syn dev eth8", "pg1 in passes by - -"),
        ("icmp 10.88.0.12 > 10.88.0.13 echo-request", "pg2 out dropped by tc egress 3"),
        ("icmp 10.88.0.12 > 10.88.0.13 echo-request in", "pg3 in dropped by tc ingress 5"),
        ("tcp 10.88.0.12 > 10.88.0.13 frag later in", "pg3 in dropped by tc ingress 5"),
        ("icmp 10.88.0.13 > 10.88.0.12", "pg3 out passes by - -, pg2 in passes by - -"),
        ("tcp 10.88.0.13:9 > 10.88.0.13:6432 syn", "pg3 out passes by - -, pg3 in dropped by tc ingress 4"),
    ];
    let asked = files.asked(&table.map(|(packet, _)| packet), &[]);
    for ((packet, expected), met) in table.iter().zip(asked) {
        assert_eq!(met, *expected, "{packet}");
    }
}

#[test]
fn what_only_some_packets_meet_is_told() {
    let files = Files::of_three(
        "[[topology]]\nkind = \"edge\"\nbetween = [\"pg1\", \"pg2\"]\nlonger_than = 1000\naction = \"drop\"\n",
    );
    let packet = |length| format!("tcp 10.88.0.12:1 > 10.88.0.11:2 ack len {length} in");
    let told = files.explain(&["--packet", &packet(900), "--packet", &packet(2500)]).data();
    for words in
        ["passes this time", "it may be hit: in tcp from 10.88.0.12, packets longer than 1000", ": dropped"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(files.explain(&[]).data().contains("drop (packets longer than 1000 bytes)"));
}

#[test]
fn people_are_shown_the_rule_in_its_file() {
    let files = Files::of_three(
        "description = \"x\"\n\n[[topology]]\nkind = \"edge\"\nbetween = [\"pg1\", \"pg3\"]\naction = \"drop\"\n",
    );
    let told = files.explain(&["--packet", "tcp 10.88.0.11:1 > 10.88.0.13:2 syn"]).data();
    for words in [
        "leaving pg1: passes",
        "arriving at pg3: dropped",
        "by tc ingress",
        "topology 1",
        "line 3",
        "[[topology]]",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn the_matrix_is_before_and_after() {
    let pair = Pair::new();
    let (node, peer) = (pair.node_target().to_string(), pair.peer_target().to_string());
    let files = Files::new(
        &[("one", &node, "10.99.0.1"), ("two", &peer, "10.99.0.2")],
        "[[topology]]\nkind = \"edge\"\nbetween = [\"one\", \"two\"]\nports = [5432]\naction = \"drop\"\n",
    );
    let told = files.explain(&[]).data();
    assert!(told.contains("tcp 5432, before: everyone reaches everyone"), "{told}");
    // What is in force already is there before.
    let apply = ["apply", "--ports", "5432", "--action", "reject", "--on", &node, "--for", "60s"];
    let id = netsplit(&apply).data();
    let told = files.explain(&["--format", "json"]).data();
    netsplit(&["revert", id.trim()]).data();
    let json: Value = serde_json::from_str(&told).unwrap();
    let reach = &json["reach"][0];
    assert_eq!(reach["classes"], serde_json::json!(["tcp 5432"]));
    assert_eq!(reach["before"]["two"]["one"], "reject", "{told}");
    assert_eq!(reach["before"]["one"]["two"], "ok", "{told}");
    assert_eq!(reach["after"]["one"]["two"], "drop", "{told}");
    assert_eq!(reach["after"]["one"]["one"], "ok", "{told}");
    assert_eq!(pair.traces(), Vec::<String>::new());
}

/// Every netsplit program that is loaded and has no name on bpffs: those of whoever is asking or applying right now.
fn unpinned() -> BTreeSet<u64> {
    let list: Value = serde_json::from_str(&run("bpftool", &["--json", "--bpffs", "prog", "list"])).unwrap();
    let programs = list.as_array().unwrap().iter().filter(|program| {
        let ours = program_names();
        let pinned = program["pinned"].as_array().is_some_and(|pins| !pins.is_empty());
        program["name"].as_str().is_some_and(|name| ours.contains(&name)) && !pinned
    });
    programs.map(|program| program["id"].as_u64().unwrap()).collect()
}

#[test]
fn asking_leaves_nothing_behind_even_if_killed() {
    let files = Files::of_three("[[rule]]\nnode = \"pg1\"\naction = \"drop\"\n");
    let (policy, inventory) = (files.path("policy.toml"), files.path("inventory.toml"));
    let packet = ["--packet", "tcp 10.88.0.12:40000 > 10.88.0.11:5432 syn"];
    let arguments = [&["explain", &policy, "--cluster", &inventory][..], &packet].concat();
    // Other tests mount namespaces meanwhile.
    let mounts = || {
        let all = fs::read_to_string("/proc/self/mounts").unwrap();
        all.lines().filter(|mount| mount.starts_with("bpf ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = (unpinned(), mounts());
    netsplit(&arguments).data();
    for wait_ms in [30, 100, 200, 300] {
        let mut child = netsplit_command()
            .args(&arguments)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait_ms));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let after = unpinned();
    let new: BTreeSet<u64> = after.difference(&before.0).copied().collect();
    poll_until("the programs of the dead are gone", Duration::from_mins(1), || {
        new.intersection(&unpinned()).next().is_none()
    });
    assert_eq!(mounts(), before.1);
}

#[test]
fn what_is_wrong_with_a_question_is_told() {
    let files = Files::of_three("[[rule]]\nnode = \"pg1\"\naction = \"drop\"\n");
    for (more, word) in [
        (&["--packet", "tcp 10.88.0.12:1 > 10.88.0.11:2 sny"][..], "did you mean `syn`?"),
        (&["--packet", "tcp 192.0.2.1:1 > 192.0.2.2:2", "--node", "pg9"], "pg9"),
        (&["--node", "pg1"], "--packet"),
        (&["--packet", "tcp 10.88.0.12:1 > 10.88.0.11:2 syn", "--backend", "nonsense"], "possible values"),
    ] {
        let told = files.explain(more);
        assert_eq!(told.code, Some(2), "{more:?}: {told:?}");
        assert!(told.complaint().contains(word), "{more:?}: {told:?}");
        assert_eq!(told.out, "");
    }
    let three = "[[topology]]\nkind = \"ring\"\naction = \"drop\"\n";
    let told = Files::of_three(three).explain(&[]);
    assert_eq!(told.code, Some(2), "{told:?}");
    assert!(told.complaint().contains("topology 1 cannot be resolved: it cuts nobody off"), "{told:?}");
}

#[test]
fn asking_the_programs_takes_privileges_and_the_matrix_takes_none() {
    use std::os::unix::fs::PermissionsExt;
    let everybody = fs::Permissions::from_mode(0o755);
    let folder = tempfile::Builder::new().permissions(everybody).tempdir().unwrap();
    let binary = folder.path().join("netsplit");
    fs::copy(env!("CARGO_BIN_EXE_netsplit"), &binary).unwrap();
    let as_nobody = |more: &[&str]| {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]).arg(&binary);
        command.args(["explain", "--ports", "5432", "--action", "drop"]).args(more).env("NO_COLOR", "1");
        told(&mut command)
    };
    let told = as_nobody(&["--packet", "tcp 10.0.0.2:1 > 10.0.0.1:5432 syn"]);
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(told.complaint().contains("needs root"), "{told:?}");
    let told = as_nobody(&[]);
    assert!(told.err.contains("cannot be read, and are left out"), "{told:?}");
    assert!(told.data().contains("anyone else"));
}

#[test]
fn a_delayed_packet_goes_on_and_the_rule_is_told() {
    let files = Files::of_three(
        "description = \"far away\"\n[[rule]]\nnode = \"pg1\"\nports = [5432]\naction = \"delay\"\ndelay = \"80ms\"\n",
    );
    let packet = "tcp 10.88.0.12:40000 > 10.88.0.11:5432 syn";
    let told = files.explain(&["--packet", packet]).data();
    assert!(told.contains("passes") && told.contains("delay by 80ms"), "{told}");
}
