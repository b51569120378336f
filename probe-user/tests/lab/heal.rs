//! Labs that something was done to, and their way back.

use std::{
    ops::ControlFlow,
    process::Command,
    time::{Duration, Instant},
};

use netsplit::{
    cluster::LocalConnection,
    lab::{EtcdMembers, Host, Lab, LabError, Options},
};
use rustix::process::Signal;

use crate::name::{Name, poll_until};

const PATIENCE: Duration = Duration::from_secs(90);

fn mended(lab: &Lab) -> Vec<String> {
    let healed = lab.heal(PATIENCE, &|| false).unwrap_or_else(|error| panic!("{error}"));
    let status = lab.status().unwrap();
    assert!(status.healthy && !status.paused, "{status:?}");
    healed.mended
}

fn ip(lab: &Lab, host: Host, words: &[&str]) {
    let target = lab.layout().target(host).namespace_path();
    let namespace = target.file_name().unwrap().to_str().unwrap();
    let mut ip = Command::new("ip");
    assert!(ip.args(["-n", namespace]).args(words).status().unwrap().success());
}

#[test]
fn what_scenarios_leave_behind_is_mended_and_named() {
    let name = Name::new("heal");
    let lab = name.up(&name.fast());

    // What is well is not touched, and that takes no time.
    let pids = Host::ALL.map(|host| lab.pids(host));
    let healed = lab.heal(PATIENCE, &|| false).unwrap();
    assert_eq!(healed.mended, [""; 0]);
    assert!(healed.took < Duration::from_secs(3), "{healed:?}");
    assert_eq!(Host::ALL.map(|host| lab.pids(host)), pids);

    // Everything of one kind at once.
    let leader = Host::named(&lab.status().unwrap().leader.unwrap()).unwrap();
    let [one, other] = *Host::POSTGRES.into_iter().filter(|host| *host != leader).collect::<Vec<_>>() else {
        panic!("three nodes")
    };
    lab.signal(one, lab.pids(one).patroni.unwrap(), Signal::STOP).unwrap();
    lab.signal(other, lab.pids(other).postmaster.unwrap(), Signal::STOP).unwrap();
    lab.kill_host(Host::Ha).unwrap();
    let resumed = mended(&lab);
    let mut expected =
        vec![format!("let Patroni on {one} go on"), format!("let PostgreSQL on {other} go on")];
    expected.sort();
    expected.push("started HAProxy".to_owned());
    assert_eq!(resumed, expected);

    // A machine without power, and a loopback that somebody took down.
    lab.power_off(one).unwrap();
    ip(&lab, other, &["link", "set", "lo", "down"]);
    let mut expected = vec![format!("put eth0 of {one} up"), format!("put lo of {other} up")];
    expected.sort();
    expected.push(format!("started Patroni on {one}"));
    assert_eq!(mended(&lab), expected);

    // Without etcd for a moment, in maintenance mode, where nobody starts a PostgreSQL that stopped.
    assert!(name.exec("mon", &["patronictl", "pause", "--wait"]).status.success());
    lab.signal(one, lab.pids(one).postmaster.unwrap(), Signal::INT).unwrap();
    lab.kill_host(Host::Dcs).unwrap();
    assert_eq!(mended(&lab), ["started etcd on dcs", "ended maintenance mode"]);
    assert_eq!(mended(&lab), [""; 0]);
    assert!(lab.pids(one).postmaster.is_some());
}

/// A stream whose packets vanish still streams, as PostgreSQL says: only what arrives tells.
#[test]
fn a_replica_that_lacks_what_was_written_is_waited_for() {
    let name = Name::new("lag");
    let lab = name.up(&name.fast());
    let leader = lab.status().unwrap().leader.unwrap();
    let replica = Host::POSTGRES.into_iter().find(|host| host.name() != leader).unwrap();
    let target = lab.layout().target(replica).to_string();
    let cut = Command::new(env!("CARGO_BIN_EXE_netsplit"))
        .args(["apply", "--on", &target, "--direction", "in", "--peer-ports", "5432", "--action", "drop"])
        .args(["--for", "5s"])
        .output()
        .unwrap();
    assert!(cut.status.success(), "{cut:?}");
    let began = Instant::now();
    name.sql(&leader, "CREATE TABLE lag AS SELECT generate_series(1, 1000)");

    assert_eq!(mended(&lab), [""; 0]);
    assert!(
        began.elapsed() > Duration::from_secs(4),
        "the replica cannot have it yet: {:?}",
        began.elapsed()
    );
    // What was received is replayed a moment later.
    poll_until("the rows on the replica", || {
        let there = "SELECT count(*) FROM pg_class WHERE relname = 'lag'";
        name.sql(replica.name(), there) == "1"
            && name.sql(replica.name(), "SELECT count(*) FROM lag") == "1000"
    });
}

#[test]
fn a_lab_that_does_not_come_back_says_what_is_amiss_and_is_rebuilt_as_it_was() {
    let name = Name::new("ill");
    let asked = Options { local: LocalConnection::Socket, etcd: EtcdMembers::Three, ..name.fast() };
    let lab = name.up(&asked);
    let options = lab.options();
    assert_eq!(
        (options.name, options.timings, options.local, options.etcd, options.patroni),
        (asked.name, asked.timings, asked.local, asked.etcd, asked.patroni)
    );

    // A replica whose address is gone, so that nothing here can help it.
    let status = lab.status().unwrap();
    let replica =
        Host::POSTGRES.into_iter().find(|host| Some(host.name()) != status.leader.as_deref()).unwrap();
    ip(&lab, replica, &["address", "flush", "dev", "eth0"]);
    let error = lab.heal(Duration::from_secs(3), &|| false).unwrap_err();
    let LabError::Unhealthy { waited_s: 3, amiss, .. } = &error else { panic!("{error}") };
    let login = format!("PostgreSQL on {replica} takes no login on the wire");
    assert!(amiss.contains(&login), "{error}");
    assert!(error.help().unwrap().contains("lab down --name"), "{:?}", error.help());

    let asked_to_stop = Instant::now();
    assert!(matches!(lab.heal(PATIENCE, &|| true), Err(LabError::NotHealed)));
    assert!(asked_to_stop.elapsed() < Duration::from_secs(10));

    let before = lab.pids(replica).patroni;
    let lab = lab.rebuild(&mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(mended(&lab), [""; 0]);
    assert_ne!(lab.pids(replica).patroni, before);
    let options = lab.options();
    assert_eq!((options.local, options.etcd), (LocalConnection::Socket, EtcdMembers::Three));
}
