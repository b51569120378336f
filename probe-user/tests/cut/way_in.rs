//! The way in stays open: protected addresses and SSH sessions.

use std::{fs, path::Path, process::Command};

use netsplit::cut::{CutError, apply};

use crate::{
    harness::{Pair, Told, netsplit_command, poll_until, request, rule, told},
    traffic::Server,
};

#[test]
fn a_protected_address_is_refused_and_nothing_is_made() {
    let pair = Pair::new();
    let mut asked = request(pair.node_target(), vec![rule()]);
    asked.protect = vec!["10.99.0.2:5432".parse().unwrap()];
    let Err(CutError::Protected { rule: 1, packet, .. }) = apply(&asked) else {
        panic!("it was not refused")
    };
    assert_eq!(packet, format!("tcp 10.99.0.2:40000 > {}:5432 syn", pair.node_target()));
    assert!(pair.traces().is_empty(), "{:?}", pair.traces());

    let target = pair.node_target().to_string();
    let one_rule = [
        "apply",
        "--ports",
        "5432",
        "--peers",
        "10.99.0.2",
        "--action",
        "drop",
        "--for",
        "30s",
        "--on",
        &target,
    ];
    let with = |arguments: &[&str], variable: &str| {
        told(netsplit_command().args(one_rule).args(arguments).env("NETSPLIT_PROTECT", variable))
    };
    for refused in [with(&["--protect", "10.99.0.0/24,192.0.2.1"], ""), with(&[], "192.0.2.1, 10.99.0.0/24")]
    {
        assert_eq!(refused.code, Some(2), "{refused:?}");
        let said = refused.complaint();
        assert!(said.contains("tcp 10.99.0.2:40000 >") && said.contains("--cut-protected"), "{said}");
    }
    let wrong = with(&[], "nobody");
    assert!(wrong.code == Some(2) && wrong.complaint().contains("NETSPLIT_PROTECT"), "{wrong:?}");
    assert!(pair.traces().is_empty(), "{:?}", pair.traces());
    let id = with(&["--protect", "10.99.0.2", "--cut-protected"], "").data();
    told(netsplit_command().args(["revert", id.trim()])).data();
    let id = with(&["--protect", "10.99.0.2:22"], "").data();
    told(netsplit_command().args(["revert", id.trim()])).data();
}

/// Runs a command as a session would that came by a connection from the node to its peer: a shell that calls itself
/// `sshd` holds it.
fn under_sshd(pair: &Pair, folder: &Path, port: u16, command: &str) -> Command {
    let sshd = folder.join("sshd");
    if !sshd.exists() {
        fs::copy("/bin/bash", &sshd).unwrap();
    }
    let mut shell = Command::new("nsenter");
    let script = format!("exec 3<>/dev/tcp/10.99.0.2/{port}; {command}; exit $?");
    shell.arg(format!("--net=/run/netns/{}", pair.node)).arg(sshd).args(["-c", &script]);
    shell.env("NO_COLOR", "1").env_remove("SSH_CONNECTION").env_remove("NETSPLIT_LOG");
    shell
}

fn cut_of(pair: &Pair, port: u16, more: &str) -> String {
    let netsplit = env!("CARGO_BIN_EXE_netsplit");
    let on = pair.node_target();
    format!("{netsplit} apply --peer-ports {port} --action drop --for 30s --on {on} {more}")
}

fn revert(applied: Told) {
    told(netsplit_command().args(["revert", applied.data().trim()])).data();
}

#[test]
fn the_session_is_found_by_its_process_whatever_the_environment_says() {
    const PORT: u16 = 7722;
    let (pair, folder) = (Pair::new(), tempfile::tempdir().unwrap());
    let _server = Server::start(&pair.peer_target(), PORT);
    let refused = told(&mut under_sshd(&pair, folder.path(), PORT, &cut_of(&pair, PORT, "")));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let said = refused.complaint();
    assert!(said.contains(&format!("tcp 10.99.0.2:{PORT} > 10.99.0.1:")), "{said}");
    assert!(pair.traces().is_empty(), "{:?}", pair.traces());
    // Another port is none of its business, and neither is the same one in another namespace.
    revert(told(&mut under_sshd(&pair, folder.path(), PORT, &cut_of(&pair, PORT + 1, ""))));
    let elsewhere = cut_of(&pair, PORT, "").replace(&pair.node, &pair.peer);
    revert(told(&mut under_sshd(&pair, folder.path(), PORT, &elsewhere)));
    let asked_for =
        told(&mut under_sshd(&pair, folder.path(), PORT, &cut_of(&pair, PORT, "--cut-own-session")));
    assert!(asked_for.complaint().contains("this command came by"), "{asked_for:?}");
    revert(asked_for);
}

#[test]
fn the_session_of_somebody_else_is_told() {
    const PORT: u16 = 7723;
    let (pair, folder) = (Pair::new(), tempfile::tempdir().unwrap());
    let _server = Server::start(&pair.peer_target(), PORT);
    let ready = folder.path().join("ready");
    let wait = format!("touch {}; read -t 60", ready.display());
    let mut other =
        under_sshd(&pair, folder.path(), PORT, &wait).stdin(std::process::Stdio::piped()).spawn().unwrap();
    poll_until("the other session is there", std::time::Duration::from_secs(10), || ready.exists());
    let applied = told(Command::new("sh").args(["-c", &cut_of(&pair, PORT, "")]).env("NO_COLOR", "1"));
    // Its input ends, and it with it.
    drop(other.stdin.take());
    other.wait().unwrap();
    let said = applied.complaint();
    assert!(said.contains("somebody works in") && said.contains(&format!(":{PORT} > 10.99.0.1:")), "{said}");
    revert(applied);
}
