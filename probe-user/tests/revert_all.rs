//! `netsplit revert --all` takes everything away, whatever it meets. A binary of its own, since it touches
//! every datapath of the machine.

#![allow(clippy::unwrap_used, reason = "a test ends where its surroundings fail it")]

mod harness;

use std::{collections::BTreeMap, fs, path::Path, process::Stdio, thread, time::Duration};

use harness::{Pair, at_once, has_tcx, holder, netsplit, netsplit_command, pin_folder, run, signal, traces};
use netsplit::cluster::{Target, within};
use rustix::process::Signal;
use serde_json::Value;

const ROOT: &str = "/sys/fs/bpf/netsplit";

/// Every program, map and link of this machine, as bpftool lists them: kind, id, name. But for program arrays: Linux
/// (6.18) loses count of one that is listed while it goes, and keeps it.
fn objects() -> BTreeMap<(&'static str, u64), String> {
    let mut found = BTreeMap::new();
    for kind in ["prog", "map", "link"] {
        let list: Value = serde_json::from_str(&run("bpftool", &["--json", kind, "list"])).unwrap();
        for object in list.as_array().unwrap().iter().filter(|object| object["type"] != "prog_array") {
            let name = object["name"].as_str().unwrap_or_default();
            found.insert((kind, object["id"].as_u64().unwrap()), name.to_owned());
        }
    }
    found
}

fn new_objects(before: &BTreeMap<(&'static str, u64), String>) -> Vec<String> {
    let new = objects().into_iter().filter(|(id, _)| !before.contains_key(id));
    new.map(|((kind, id), name)| format!("{kind} {id} {name}")).collect()
}

fn apply(target: &Target, way: &[&str]) {
    let target = target.to_string();
    let rule =
        ["apply", "--ports", "5432", "--action", "reset", "--loopback", "--for", "5m", "--on", &target];
    netsplit(&[&rule[..], way].concat()).data();
}

/// Delays a node's packets, and says which process holds them.
fn delay(pair: &Pair) -> u32 {
    let on = pair.node_target().to_string();
    let rule = ["apply", "--ports", "5432", "--action", "delay", "--with", "delay=\"1s\"", "--for", "5m"];
    netsplit(&[&rule[..], &["--on", &on]].concat()).data();
    holder(&pair.node).unwrap().1
}

/// Kills an `apply` while its folder has no seal yet.
fn half_made(target: &Target) {
    let folder = Path::new(ROOT).join(within(target, pin_folder).unwrap());
    let name = target.to_string();
    let mut delay = Duration::from_millis(1);
    loop {
        let mut child = netsplit_command()
            .args(["apply", "--ports", "5432", "--action", "drop", "--for", "5m", "--on", &name])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !folder.exists() {
            thread::sleep(Duration::from_micros(200));
        }
        thread::sleep(delay);
        child.kill().unwrap();
        child.wait().unwrap();
        if folder.exists() && !folder.join("sealed").exists() {
            return;
        }
        // Too late: it was whole already. Sooner next time, after a fresh start.
        delay /= 2;
        harness::remove_datapath(folder.file_name().unwrap().to_str().unwrap());
    }
}

#[test]
fn revert_all_leaves_nothing_of_netsplits_on_the_machine() {
    let before = objects();
    assert!(!Path::new(ROOT).exists(), "cuts of others are in force; this test would end them");

    let pairs: Vec<_> = (0..11).map(|_| Pair::new()).collect();
    let nodes: Vec<_> = pairs.iter().map(Pair::node_target).collect();
    let ways: [&[&str]; 5] = [
        &["--backend", "xdp"],
        &["--backend", "tc", "--tc", if has_tcx() { "tcx" } else { "clsact" }],
        &["--backend", "tc", "--tc", "clsact", "--direction", "both"],
        &["--backend", "tc", "--tc", "clsact"],
        &["--backend", "xdp"],
    ];
    at_once(&nodes.iter().zip(ways).collect::<Vec<_>>(), |(target, way)| apply(target, way));
    // Two whose pins somebody deleted, filters that no pin tells of among them: on a qdisc of netsplit's, and on
    // one that was there before.
    run("tc", &["-n", &pairs[8].node, "qdisc", "add", "dev", "eth0", "clsact"]);
    for lost in [7, 8] {
        apply(&nodes[lost], &["--backend", "tc", "--tc", "clsact", "--direction", "both"]);
        fs::remove_dir_all(Path::new(ROOT).join(within(&nodes[lost], pin_folder).unwrap())).unwrap();
        assert!(
            run("tc", &["-n", &pairs[lost].node, "filter", "show", "dev", "eth0", "egress"]).contains("bpf")
        );
    }
    // Two that delay: one whose holder is stopped, and nothing tells of it any more.
    let holders = [9, 10].map(|node| delay(&pairs[node]));
    signal(holders[1], Signal::STOP);
    fs::remove_dir_all(Path::new(ROOT).join(within(&nodes[10], pin_folder).unwrap())).unwrap();
    // Two on top of each other, one half-made, one half-gone, and two whose namespaces are gone.
    apply(&nodes[0], &["--backend", "tc"]);
    half_made(&nodes[5]);
    apply(&nodes[7], &["--backend", "nft", "--direction", "both"]);
    apply(&nodes[0], &["--backend", "nft"]);
    apply(&nodes[6], &["--backend", "tc", "--tc", "clsact"]);
    let half_gone = Path::new(ROOT).join(within(&nodes[6], pin_folder).unwrap());
    fs::remove_dir(half_gone.join("sealed")).unwrap();
    for gone in [3, 4] {
        run("ip", &["netns", "del", &pairs[gone].node]);
    }
    // One of them has a successor of the same name, with a qdisc that is not netsplit's.
    run("ip", &["netns", "add", &pairs[3].node]);
    run("ip", &["-n", &pairs[3].node, "link", "set", "lo", "up"]);
    run("tc", &["-n", &pairs[3].node, "qdisc", "add", "dev", "lo", "clsact"]);
    assert_eq!(fs::read_dir(ROOT).unwrap().count(), 8);
    assert!(!new_objects(&before).is_empty());

    let told = netsplit(&["revert", "--all"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.err.contains("taken away"), "{told:?}");

    assert!(!Path::new(ROOT).exists());
    for target in [&nodes[0], &nodes[1], &nodes[2], &nodes[5], &nodes[6], &nodes[7], &nodes[9], &nodes[10]] {
        assert_eq!(traces(target), Vec::<String>::new(), "{target}");
    }
    assert!(run("tc", &["-n", &pairs[3].node, "qdisc", "show", "dev", "lo"]).contains("clsact"));
    assert!(run("tc", &["-n", &pairs[8].node, "qdisc", "show", "dev", "eth0"]).contains("clsact"));
    assert_eq!(run("tc", &["-n", &pairs[8].node, "filter", "show", "dev", "eth0", "egress"]), "");
    signal(holders[1], Signal::CONT);
    harness::poll_until("the holders end", Duration::from_secs(10), || {
        !holders.iter().any(|pid| Path::new(&format!("/proc/{pid}")).exists())
    });
    // The kernel frees programs and maps a moment after the last reference has gone.
    harness::poll_until("all programs, maps and links are freed", Duration::from_secs(10), || {
        new_objects(&before).is_empty()
    });

    // netfilter's tables are found where there is no bpffs at all.
    apply(&nodes[7], &["--backend", "nft", "--direction", "both"]);
    let hidden = "mount -t tmpfs none /sys/fs/bpf && exec \"$0\" revert --all";
    let blind = run("unshare", &["--mount", "sh", "-c", hidden, env!("CARGO_BIN_EXE_netsplit")]);
    assert_eq!((blind.as_str(), traces(&nodes[7])), ("", Vec::new()));

    // A qdisc without a filter is known from pins alone, and here another bpffs lies on them.
    apply(&nodes[6], &["--backend", "tc", "--tc", "clsact"]);
    run("tc", &["-n", &pairs[6].node, "filter", "del", "dev", "eth0", "ingress"]);
    let hidden = "mount -t bpf bpf /sys/fs/bpf && exec \"$0\" revert --all";
    run("unshare", &["--mount", "sh", "-c", hidden, env!("CARGO_BIN_EXE_netsplit")]);
    assert_eq!(traces(&nodes[6]), Vec::<String>::new());

    let again = netsplit(&["revert", "--all"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.err.contains("no cut was in force"), "{again:?}");
    assert!(!Path::new(ROOT).exists());
}
