//! Two labs on one machine.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    process::{Command, Stdio},
    thread,
};

use netsplit::{
    cluster::LocalConnection,
    cut,
    lab::{EtcdMembers, Host, Lab, Options, Pids},
    report::{RunResult, RunVerdict},
};

use crate::name::{Name, patroni_comes_from, poll_until};

#[test]
fn two_labs_live_side_by_side_one_over_the_socket_with_three_etcds() {
    let (one, two) = (Name::new("one"), Name::new("two"));
    let odd = Options { local: LocalConnection::Socket, etcd: EtcdMembers::Three, ..two.fast() };
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| one.up(&one.fast()));
        let second = scope.spawn(|| two.up(&odd));
        (first.join().unwrap(), second.join().unwrap())
    });
    assert!(first.status().unwrap().healthy && second.status().unwrap().healthy);

    let leader = second.status().unwrap().leader.unwrap();
    assert_eq!(patroni_comes_from(&two, &leader), "socket");
    assert_eq!(second.inventory().etcd.endpoints.len(), 3);
    for host in Host::POSTGRES {
        assert!(second.pids(host).etcd.is_some(), "{host}");
    }
    assert_eq!(two.exec("mon", &["etcdctl", "endpoint", "health"]).status.code(), Some(0));

    first.down().unwrap();
    one.assert_gone();
    assert!(second.status().unwrap().healthy, "the other lab does not notice");
    second.down().unwrap();
    two.assert_gone();
}

/// Ordinary life, looked at for longer than a failover takes. Seconds count from the first action: here, from none.
const QUIET: &str = r#"
title = "Nothing happens"
[[step]]
wait = "2s"
[[step]]
run = ["true"]
node = "pg1"
[[step]]
wait = "45s"
[[expect]]
that = "leader-unchanged"
[[expect]]
that = "writes-continue"
"#;

/// What a lab is made of: its processes, its namespaces and what is plugged into its switch.
fn made_of(lab: &Lab) -> ([Pids; 6], Vec<u64>, String) {
    let targets = lab.layout().targets();
    let namespaces = targets.iter().map(|target| fs::metadata(target.namespace_path()).unwrap().ino());
    let switch = lab.layout().switch().namespace_path();
    let mut ip = Command::new("ip");
    ip.arg("-n").arg(switch.file_name().unwrap()).args(["-o", "link", "show", "up"]);
    let links = String::from_utf8(ip.output().unwrap().stdout).unwrap();
    (Host::ALL.map(|host| lab.pids(host)), namespaces.collect(), links)
}

#[test]
fn a_failover_and_the_end_of_one_lab_are_nothing_to_the_other() {
    let (one, two) = (Name::new("cut"), Name::new("quiet"));
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| one.up(&one.fast()));
        let second = scope.spawn(|| two.up(&two.fast()));
        (first.join().unwrap(), second.join().unwrap())
    });
    let before = (second.status().unwrap(), made_of(&second));

    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("quiet.toml");
    fs::write(&scenario, QUIET).unwrap();
    let out = folder.path().join("out");
    let netsplit = || Command::new(env!("CARGO_BIN_EXE_netsplit"));
    let mut watch = netsplit();
    watch.arg("run").arg(&scenario).arg("--cluster").arg(second.layout().inventory());
    let mut watch = watch.arg("--out").arg(&out).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    poll_until("the other lab is watched", || out.join("events.jsonl").exists());

    let leader = first.status().unwrap().leader;
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/cuts/primary-5432-drop.toml");
    let mut apply = netsplit();
    apply.args(["apply", policy, "--for", "5min", "--cluster"]).arg(first.layout().inventory());
    assert!(apply.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
    let cut: Vec<_> = cut::status().unwrap().into_iter().map(|cut| cut.target).collect();
    assert!(cut.iter().any(|target| first.layout().targets().contains(target)), "{cut:?}");
    assert!(!cut.iter().any(|target| second.layout().targets().contains(target)), "{cut:?}");
    poll_until("the first lab fails over", || {
        let now = first.status().unwrap().leader;
        now.is_some() && now != leader
    });
    first.down().unwrap();
    one.assert_gone();

    assert!(watch.try_wait().unwrap().is_none(), "the other lab was watched all the time");
    assert_eq!(watch.wait().unwrap().code(), Some(0));
    let result: RunResult = serde_json::from_slice(&fs::read(out.join("result.json")).unwrap()).unwrap();
    assert_eq!(result.verdict, RunVerdict::Pass);
    let after = second.status().unwrap();
    assert!(after.healthy);
    assert_eq!(after.leader, before.0.leader);
    let timelines =
        |status: &netsplit::lab::LabStatus| status.hosts.iter().map(|host| host.timeline).collect::<Vec<_>>();
    assert_eq!(timelines(&after), timelines(&before.0));
    assert_eq!(made_of(&second), before.1);
}
