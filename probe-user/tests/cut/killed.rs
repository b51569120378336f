//! SIGKILL at any moment: traffic flows again after the lease, and whatever is left can be built upon or
//! taken away.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use netsplit::cluster::within;
use rustix::{
    mount::{MountFlags, MountPropagationFlags, mount, mount_change},
    thread::{UnshareFlags, unshare_unsafe},
};

use crate::{
    harness::{Pair, at_once, holder, netsplit, netsplit_command, pin_folder, poll_until},
    traffic::{Met, Server, flows_again, new_connection},
};

const NODE: SocketAddr = SocketAddr::new(Pair::V4, 5432);

/// Up to `limit`, by chance.
fn random_delay(limit: Duration) -> Duration {
    let mut bytes = [0; 4];
    rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty()).unwrap();
    limit.mul_f64(f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX))
}

/// Runs the real command, and kills it after the delay.
fn kill_after(delay: Duration, arguments: &[&str]) {
    let mut command = netsplit_command();
    let mut child: Child =
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// In a few namespaces at once.
fn kill_while_applying(ways: &[&[&str]]) {
    at_once(&[3, 3], |&rounds| kill_rounds(ways, rounds));
}

fn kill_rounds(ways: &[&[&str]], rounds: usize) {
    let pair = Pair::new();
    let _server = Server::start(&pair.node_target(), 5432);
    let target = pair.node_target().to_string();
    let on_target = ["apply", "--ports", "5432", "--action", "reset", "--loopback", "--on", &target];
    for round in 0..rounds {
        let way = ways[round % ways.len()];
        let delay = random_delay(Duration::from_millis(400));
        let told = format!("round {round}, {way:?}, killed after {delay:?}");
        // Each second time something is in force already.
        let other = (round % 2 == 1).then(|| {
            let apply = ["apply", "--ports", "8008", "--action", "reset", "--on", &target, "--for", "60s"];
            netsplit(&[&apply[..], way].concat()).data()
        });
        kill_after(delay, &[&on_target[..], &["--for", "1s"], way].concat());
        flows_again(&pair.peer_target(), NODE, Duration::from_secs(3));
        assert!(netsplit(&["status"]).code == Some(0), "{told}");

        // Whatever was left, the next cut works: on the wire and on lo.
        let id = netsplit(&[&on_target[..], &["--for", "60s"], way].concat());
        assert_eq!(id.code, Some(0), "{told}: {id:?}");
        for client in [pair.peer_target(), pair.node_target()] {
            assert_eq!(new_connection(&client, NODE), Met::Refused, "{told}: {id:?}");
        }
        let reverted = netsplit(&["revert", id.out.trim()]);
        assert_eq!(reverted.code, Some(0), "{told}: {reverted:?}");
        assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Answer, "{told}");
        if let Some(other) = other {
            assert_eq!(netsplit(&["revert", other.trim()]).code, Some(0), "{told}");
        }
        assert_eq!(pair.traces(), Vec::<String>::new(), "{told}");
    }
}

#[test]
fn an_apply_killed_on_xdp_leaves_nothing_that_the_next_one_cannot_use() {
    kill_while_applying(&[&["--backend", "xdp"]]);
}

#[test]
fn an_apply_killed_on_tcx_leaves_nothing_that_the_next_one_cannot_use() {
    kill_while_applying(&[&["--backend", "tc", "--tc", "tcx"]]);
}

#[test]
fn an_apply_killed_on_clsact_leaves_nothing_that_the_next_one_cannot_use() {
    kill_while_applying(&[&["--backend", "tc", "--tc", "clsact"]]);
}

#[test]
fn an_apply_killed_on_nft_leaves_nothing_that_the_next_one_cannot_use() {
    kill_while_applying(&[&["--backend", "nft"]]);
}

#[test]
fn an_apply_killed_on_changing_backends_leaves_nothing_that_the_next_one_cannot_use() {
    kill_while_applying(&[
        &["--backend", "tc", "--tc", "clsact"],
        &["--backend", "xdp"],
        &["--backend", "tc"],
        &["--backend", "nft"],
    ]);
}

/// Whoever holds packets was told by whoever was killed: half a word is none.
#[test]
fn a_delay_whose_controller_is_killed_leaves_no_holder() {
    let pair = Pair::new();
    let server = Server::start(&pair.node_target(), 5432);
    let on = pair.node_target().to_string();
    let delay = ["apply", "--ports", "5432", "--action", "delay", "--with", "delay=\"20s\"", "--on", &on];
    for round in 0..8 {
        let late = random_delay(Duration::from_millis(250));
        let told = format!("round {round}, killed after {late:?}");
        if round % 2 == 0 {
            kill_after(late, &[&delay[..], &["--for", "3s"]].concat());
        } else {
            let id = netsplit(&[&delay[..], &["--for", "60s"]].concat()).data();
            kill_after(late, &["revert", id.trim()]);
            // It may have come to nothing, or to its end.
            let again = netsplit(&["revert", id.trim()]);
            assert!(again.code == Some(0) || again.complaint().contains("no cut"), "{told}: {again:?}");
        }
        flows_again(&pair.peer_target(), NODE, Duration::from_secs(20));
        poll_until(&format!("no holder is left: {told}"), Duration::from_secs(30), || {
            holder(&pair.node).is_none()
        });
        // Whatever was left, the next cut works, and leaves nothing.
        let next = netsplit(&[&delay[..], &["--for", "60s"]].concat()).data();
        netsplit(&["revert", next.trim()]).data();
        assert_eq!(pair.traces(), Vec::<String>::new(), "{told}");
    }
    drop(server);
}

#[test]
fn a_killed_revert_can_be_tried_again() {
    at_once(&[4, 4], |&rounds| kill_reverts(rounds));
}

fn kill_reverts(rounds: usize) {
    let pair = Pair::new();
    let _server = Server::start(&pair.node_target(), 5432);
    let target = pair.node_target().to_string();
    let ways: [&[&str]; 4] = [
        &["--backend", "xdp"],
        &["--backend", "tc"],
        &["--backend", "nft"],
        &["--backend", "tc", "--tc", "clsact"],
    ];
    for round in 0..rounds {
        let way = ways[round % ways.len()];
        let apply = ["apply", "--ports", "5432", "--action", "reset", "--loopback", "--on", &target];
        let id = netsplit(&[&apply[..], &["--for", "60s"], way].concat()).data();
        assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused);
        let delay = random_delay(Duration::from_millis(150));
        let told = format!("round {round}, {way:?}, killed after {delay:?}");
        kill_after(delay, &["revert", id.trim()]);
        if round % 2 == 0 {
            // What was being reverted can be reverted, unless it is gone, or nothing but its remains is there.
            let again = netsplit(&["revert", id.trim()]);
            assert!(again.code == Some(0) || again.complaint().contains("no cut"), "{told}: {again:?}");
            assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Answer, "{told}: {again:?}");
        }
        let next = netsplit(&[&apply[..], &["--for", "60s"], way].concat());
        assert_eq!(next.code, Some(0), "{told}: {next:?}");
        assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused, "{told}");
        netsplit(&["revert", next.out.trim()]).data();
        // A revert that was killed before it did anything has left its cut in force.
        let _ = netsplit(&["revert", id.trim()]);
        assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Answer, "{told}");
        assert_eq!(pair.traces(), Vec::<String>::new(), "{told}");
    }
}

/// Runs a test on a thread with a bpffs of its own. What it breaks there, no other test's netsplit reads: while one
/// datapath cannot be read, nobody is told that a cut is nowhere.
fn with_own_bpffs<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let test = scope.spawn(|| {
            // SAFETY: this thread stops sharing its mounts, its working directory and its umask with others,
            // none of which relies on that.
            unsafe { unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS) }.unwrap();
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
            mount("bpf", "/sys/fs/bpf", "bpf", MountFlags::empty(), None).unwrap();
            test()
        });
        test.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn a_datapath_in_pieces_stands_in_nobodys_way() {
    let (broken, whole) = (Pair::new(), Pair::new());
    with_own_bpffs(|| stands_in_nobodys_way(&broken, &whole));
}

fn stands_in_nobodys_way(broken: &Pair, whole: &Pair) {
    let apply = |pair: &Pair| {
        let target = pair.node_target().to_string();
        netsplit(&["apply", "--ports", "5432", "--action", "reset", "--on", &target, "--for", "60s"]).data()
    };
    let lost = apply(broken);
    let folder = within(&broken.node_target(), pin_folder).unwrap();
    std::fs::remove_file(Path::new("/sys/fs/bpf/netsplit").join(folder).join("JOURNAL")).unwrap();
    let id = apply(whole);
    let status = netsplit(&["status"]);
    assert!(status.out.contains(id.trim()) && status.err.contains("cannot be read"), "{status:?}");
    let told = netsplit(&["revert", id.trim()]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(whole.traces(), Vec::<String>::new());
    // Whether it is the one in pieces cannot be known, and is not denied.
    let told = netsplit(&["revert", lost.trim()]);
    assert!(told.code != Some(0) && told.complaint().contains("revert --all"), "{told:?}");
}
