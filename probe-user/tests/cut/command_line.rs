//! The commands as a person or a script meets them.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt, process::Command, time::Duration};

use serde_json::Value;

use crate::{
    harness::{Pair, netsplit, netsplit_command, pin_folders, poll_until, run, told},
    traffic::{Met, Server, new_connection},
};

const NODE: SocketAddr = SocketAddr::new(Pair::V4, 5432);

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_policy_file_is_applied_shown_and_reverted() {
    let pair = Pair::new();
    let target = pair.node_target().to_string();
    let _server = Server::start(&pair.node_target(), 5432);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/cuts/local-5432-drop.toml");
    let told = netsplit(&["apply", file, "--on", &target, "--for", "30s"]);
    assert!(told.err.contains("in force on"), "{told:?}");
    let id = told.data();
    let id = id.trim();
    assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Silence);
    let status = netsplit(&["status"]).data();
    for words in [id, &target, "drop", "eth0 tc ingress", "lo tc ingress"] {
        assert!(status.contains(words), "{words}: {status}");
    }
    let reverted = netsplit(&["revert", id]);
    assert!(reverted.err.contains("taken away") && reverted.err.contains("packets hit"), "{reverted:?}");
    reverted.data();
    assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Answer);
    assert_eq!(pair.traces(), Vec::<String>::new());
}

#[test]
fn json_tells_programs_what_tables_tell_people() {
    let pair = Pair::new();
    let target = pair.node_target().to_string();
    let _server = Server::start(&pair.node_target(), 5432);
    let apply = ["apply", "--ports", "5432", "--action", "reset", "--on", &target, "--for", "30s"];
    let applied = json(&netsplit(&[&apply[..], &["--format", "json"]].concat()).data());
    assert_eq!(applied["schema"], "netsplit/apply/1");
    assert_eq!(applied["lease_s"], 30.0);
    assert_eq!(applied["nodes"][0]["target"], target);
    let id = applied["id"].as_str().unwrap();

    assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused);
    let status = json(&netsplit(&["status", "--format", "json"]).data());
    assert_eq!(status["schema"], "netsplit/status/1");
    let cuts = status["cuts"].as_array().unwrap();
    let cut = cuts.iter().find(|cut| cut["id"] == *id).unwrap();
    let rule = &cut["rules"][0];
    assert_eq!((&rule["packets"], &rule["backend"]), (&Value::from(1), &Value::from("tc")));
    assert!(rule["bytes"].as_u64().unwrap() >= 54, "{rule}");
    let at = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{cut}"));
    assert!(at(&rule["first"]) <= at(&rule["last"]) && at(&rule["last"]) < at(&status["now"]), "{cut}");
    assert!(at(&status["now"]) < at(&cut["deadline"]));
    netsplit(&["revert", id]).data();
}

#[test]
fn a_dry_run_prints_the_plan_and_touches_nothing() {
    let pair = Pair::new();
    let target = pair.node_target().to_string();
    let apply = ["apply", "--ports", "5432", "--action", "reject", "--on", &target, "--dry-run"];
    let told = netsplit(&apply);
    assert!(told.err.contains("tc ingress on eth0"), "{told:?}");
    assert!(told.err.contains("nothing was touched"), "{told:?}");
    let plan = told.data();
    assert!(plan.contains("5432") && plan.contains("reject"), "{plan}");
    assert_eq!(pair.traces(), Vec::<String>::new());

    let plan = json(&netsplit(&[&apply[..], &["--format", "json"]].concat()).data());
    assert_eq!(plan["nodes"][0]["rules"][0]["action"], "reject", "{plan}");
    assert!(plan["schema"].is_string(), "{plan}");
    assert_eq!(pair.traces(), Vec::<String>::new());
}

#[test]
fn what_is_wrong_with_a_request_is_told_with_exit_code_2() {
    let pair = Pair::new();
    let target = pair.node_target().to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    fs::write(&file, "[[rule]]\nnode = \"local\"\nprots = [5432]\naction = \"drop\"\n").unwrap();
    let bad = file.to_str().unwrap();
    for (arguments, word) in [
        (&["apply", bad, "--on", &target][..], "prots"),
        (&["apply", "/nowhere.toml", "--on", &target], "/nowhere.toml"),
        (&["apply", "--ports", "5432", "--on", &target], "--action"),
        (&["apply", "--ports", "0", "--action", "drop", "--on", &target], "0"),
        (&["apply", "--ports", "5432", "--action", "drop", "--on", &target, "--for", "0s"], "30s"),
        (&["apply", "--ports", "5432", "--action", "drop", "--on", "nets:x"], "netns:NAME"),
        (&["apply", "--ports", "1", "--action", "drop", "--on", &target, "--interfaces", "eth9"], "eth0"),
        (&["revert", "c0ffee"], "no cut c0ffee is in force"),
        (&["revert", "nonsense!"], "nonsense!"),
        (&["revert"], "revert <ID"),
        (
            &[
                "apply",
                "--ports",
                "1",
                "--action",
                "drop",
                "--on",
                &target,
                "--direction",
                "out",
                "--backend",
                "xdp",
            ],
            "auto",
        ),
    ] {
        let told = netsplit(arguments);
        assert_eq!(told.code, Some(2), "{arguments:?}: {told:?}");
        assert!(told.complaint().contains(word), "{arguments:?}: {told:?}");
        assert_eq!(told.out, "", "what is wrong goes to stderr");
    }
    assert_eq!(pair.traces(), Vec::<String>::new());
}

#[test]
fn a_namespace_that_does_not_exist_is_named() {
    let told = netsplit(&["apply", "--ports", "5432", "--action", "drop", "--on", "netns:nst-nowhere"]);
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(told.complaint().contains("netns:nst-nowhere cannot be opened"), "{told:?}");
}

#[test]
fn without_privileges_it_says_which_ones_are_missing() {
    // Nobody may look into a home directory, so the binary comes along.
    let everybody = fs::Permissions::from_mode(0o755);
    let folder = tempfile::Builder::new().permissions(everybody).tempdir().unwrap();
    let binary = folder.path().join("netsplit");
    fs::copy(env!("CARGO_BIN_EXE_netsplit"), &binary).unwrap();
    for arguments in
        [&["apply", "--ports", "5432", "--action", "drop"][..], &["status"], &["revert", "--all"]]
    {
        let told = told(
            Command::new("setpriv")
                .args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"])
                .arg(&binary)
                .args(arguments)
                .env("NO_COLOR", "1"),
        );
        assert_eq!(told.code, Some(3), "{arguments:?}: {told:?}");
        let complaint = told.complaint();
        for words in ["CAP_NET_ADMIN", "CAP_BPF", "CAP_SYS_ADMIN", "setcap"] {
            assert!(complaint.contains(words), "{arguments:?}: {complaint}");
        }
    }
}

#[test]
fn a_cut_whose_namespace_is_deleted_can_be_shown_and_reverted() {
    for backend in [&["--backend", "xdp"][..], &["--backend", "tc"], &["--backend", "tc", "--tc", "clsact"]] {
        let pair = Pair::new();
        let target = pair.node_target().to_string();
        let folder = netsplit::cluster::within(&pair.node_target(), crate::harness::pin_folder).unwrap();
        let apply = ["apply", "--ports", "5432", "--action", "drop", "--on", &target, "--for", "60s"];
        let id = netsplit(&[&apply[..], backend].concat()).data();
        assert!(pin_folders().contains(&folder));
        run("ip", &["netns", "del", &pair.node]);
        let status = netsplit(&["status"]).data();
        assert!(status.contains(id.trim()), "{status}");
        netsplit(&["revert", id.trim()]).data();
        assert!(!pin_folders().contains(&folder));
    }
}

#[test]
fn a_cut_made_as_local_inside_a_namespace_is_reverted_from_outside() {
    let local =
        ["apply", "--ports", "5432", "--action", "drop", "--on", "local", "--for", "60s", "--backend"];
    for flavour in [&["tc", "--tc", "tcx"][..], &["tc", "--tc", "clsact"], &["nft"]] {
        let pair = Pair::new();
        let arguments = [&local[..], flavour].concat();
        let id = netsplit::cluster::within(&pair.node_target(), || netsplit(&arguments).data()).unwrap();
        netsplit(&["revert", id.trim()]).data();
        assert_eq!(pair.traces(), Vec::<String>::new(), "{flavour:?}");
    }
}

#[test]
fn a_cut_inside_a_namespace_without_a_name_is_reverted_from_outside() {
    // As a container's: nothing but its process leads there.
    let mut container = Command::new("unshare").args(["--net", "sleep", "60"]).spawn().unwrap();
    let pid = container.id().to_string();
    let inside = |command: &[&str]| [&["--target", &pid, "--net"], command].concat().join(" ");
    let enter = |command: &[&str]| {
        let line = inside(command);
        told(Command::new("nsenter").args(line.split(' '))).data()
    };
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    let theirs = format!("/proc/{pid}/ns/net");
    poll_until("the container has its namespace", Duration::from_secs(5), || {
        fs::read_link(&theirs).is_ok_and(|theirs| theirs != own)
    });
    let apply =
        ["apply", "--ports", "5432", "--action", "drop", "--for", "60s", "--backend", "tc", "--tc", "clsact"];
    let on_lo = ["--loopback", "--interfaces", "lo"];
    let id = enter(&[&[env!("CARGO_BIN_EXE_netsplit")][..], &apply, &on_lo].concat());
    assert!(enter(&["tc", "qdisc"]).contains("clsact"));
    netsplit(&["revert", id.trim()]).data();
    let left = enter(&["tc", "qdisc"]);
    container.kill().unwrap();
    container.wait().unwrap();
    assert!(!left.contains("clsact"), "{left}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let shell = format!("{} --help | head -1", env!("CARGO_BIN_EXE_netsplit"));
    let told = told(Command::new("bash").args(["-o", "pipefail", "-c", &shell]));
    assert!(!told.err.contains("panicked"), "{told:?}");
}

#[test]
fn a_cut_whose_id_cannot_be_printed_is_taken_away_again() {
    let pair = Pair::new();
    let target = pair.node_target().to_string();
    for format in ["table", "json"] {
        let full = || fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = netsplit_command();
        command.args(["apply", "--ports", "5432", "--action", "drop", "--on", &target, "--format", format]);
        let ended = command.stdout(full()).stderr(full()).status().unwrap();
        // Not the code of a panic, either.
        assert!(ended.code().is_some_and(|code| code != 0 && code != 101), "{format}: {ended}");
        assert_eq!(pair.traces(), Vec::<String>::new(), "{format}");
    }
}
