//! From up to down, and what can be done between.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use netsplit::{
    cluster::Inventory,
    lab::{Host, Lab},
};
use rustix::process::Signal;

use crate::name::{Name, datapaths_of, patroni_comes_from, poll_until};

#[test]
fn a_lab_is_healthy_can_be_looked_into_and_leaves_nothing() {
    let name = Name::new("tcp");
    let started = Instant::now();
    let lab = name.up(&name.fast());
    assert!(started.elapsed() < Duration::from_mins(1), "well under a minute, not {:?}", started.elapsed());

    let status = lab.status().unwrap();
    assert!(status.healthy, "{status:?}");
    let leader = status.leader.clone().unwrap();
    let up = |proxy: &str| status.haproxy.iter().filter(|s| s.proxy == proxy && s.is_up()).count();
    assert_eq!((up("primary"), up("replica")), (1, 2), "{:?}", status.haproxy);

    // The inventory is whole, and another process finds the lab by its name.
    assert_eq!(&Inventory::load(&lab.layout().inventory()).unwrap(), lab.inventory());
    assert_eq!(Lab::open(&name.0).unwrap().inventory(), lab.inventory());

    // psql takes the socket on a node, and HAProxy elsewhere; writes reach the leader.
    assert_eq!(name.sql("pg1", "SELECT inet_server_addr() IS NULL"), "t");
    let leader_address = Host::named(&leader).unwrap().address().to_string();
    assert_eq!(
        name.sql("mon", "CREATE TABLE t (i int); SELECT host(inet_server_addr())"),
        format!("CREATE TABLE\n{leader_address}")
    );
    assert_eq!(patroni_comes_from(&name, &leader), "127.0.0.1");

    // The start's hurry is over: what was asked for is in force.
    let configuration = String::from_utf8(name.exec("mon", &["patronictl", "show-config"]).stdout).unwrap();
    assert!(
        configuration.contains("ttl: 20") && !configuration.contains("retry_interval"),
        "{configuration}"
    );

    // Exit codes and output are the command's own.
    assert_eq!(name.exec("ha", &["sh", "-c", "echo word; exit 7"]).status.code(), Some(7));
    let list = name.exec("mon", &["patronictl", "list"]);
    assert!(String::from_utf8_lossy(&list.stdout).contains("streaming"), "{list:?}");
    let json = name.netsplit("status").args(["--format", "json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((json["schema"].as_u64(), json["leader"].as_str()), (Some(1), Some(leader.as_str())));

    // A second one of that name is refused, and the first is none the worse.
    let second = name.netsplit("up").output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&second.stderr).contains("lab down"), "{second:?}");

    // A node that lost everything comes back when its Patroni is started.
    let replica = Host::POSTGRES.into_iter().find(|host| host.name() != leader).unwrap();
    lab.kill_host(replica).unwrap();
    assert_eq!(lab.pids(replica).postmaster, None);
    lab.start_patroni(replica).unwrap();
    // Its key outlives it, so the list alone does not tell.
    poll_until("the replica is back", || {
        let status = lab.status().unwrap();
        lab.pids(replica).postmaster.is_some() && status.healthy && status.leader.as_ref() == Some(&leader)
    });

    // A signal reaches nobody outside of the machine that is named.
    let patroni = lab.pids(replica).patroni.unwrap();
    assert!(!lab.signal(Host::Mon, patroni, Signal::KILL).unwrap());
    assert!(!lab.signal(replica, std::process::id(), Signal::KILL).unwrap());

    let postmasters: Vec<_> =
        Host::POSTGRES.into_iter().filter_map(|host| lab.pids(host).postmaster).collect();
    assert_eq!(postmasters.len(), 3);

    // A cut that nobody reverted goes with the lab.
    let mut apply = Command::new(env!("CARGO_BIN_EXE_netsplit"));
    apply.args(["apply", "--ports", "5432", "--action", "drop", "--on"]);
    assert!(apply.arg(lab.layout().target(replica).to_string()).output().unwrap().status.success());
    assert_eq!(datapaths_of(lab.layout()), 1);
    lab.down().unwrap();
    name.assert_gone();
    let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap();
    let creators: Vec<_> =
        segments.lines().filter_map(|line| line.split_whitespace().nth(4)?.parse().ok()).collect();
    assert!(!postmasters.iter().any(|pid| creators.contains(pid)), "{segments}");
    assert!(!Lab::remove(&name.0).unwrap(), "nothing was left to remove");
}
