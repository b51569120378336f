//! What is nft's own: what it refuses, chance, the order of departures, controllers that race, and hosts without eBPF.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    os::unix::process::CommandExt,
    process::Command,
    time::Duration,
};

use netsplit::{
    backend::Choice,
    causes::in_a_line,
    cluster::within,
    cut::{Guard, Request, apply, status},
    observe::HitCount,
    policy::{Action, Direction, Narrowing, PlannedRule, PortRange, Protocol},
    record::{EventSink, HitSummary},
};

use crate::{
    harness::{Pair, at_once, cut, netsplit, request, rule, told},
    traffic::{Met, Server, new_connection},
};

const NODE: SocketAddr = SocketAddr::new(Pair::V4, 5432);

fn by_nft(pair: &Pair, rules: Vec<PlannedRule>) -> Request {
    Request { choice: Choice::Nft, ..request(pair.node_target(), rules) }
}

fn packets(guard: &Guard) -> u64 {
    let id = &guard.cut().unwrap().id;
    let cuts = status().unwrap();
    cuts.iter().filter(|cut| cut.id == *id).flat_map(|cut| &cut.rules).map(|rule| rule.packets).sum()
}

fn narrowing(json: &str) -> Narrowing {
    serde_json::from_str(json).unwrap()
}

#[test]
fn a_share_of_the_packets_is_lost() {
    let pair = Pair::new();
    let narrowing = narrowing(r#"{"probability": 0.5}"#);
    let guard = cut(&by_nft(&pair, vec![PlannedRule { narrowing, protocol: Protocol::Udp, ..rule() }]));
    let socket = within(&pair.peer_target(), || UdpSocket::bind("0.0.0.0:0")).unwrap().unwrap();
    for _ in 0..400 {
        socket.send_to(b"x", NODE).or_else(refused).unwrap();
    }
    // Further out than eight deviations.
    let lost = packets(&guard);
    assert!((120..=280).contains(&lost), "{lost} of 400");
}

/// Nobody listens, and what passes is told so.
fn refused(error: io::Error) -> io::Result<usize> {
    if error.kind() == io::ErrorKind::ConnectionRefused { Ok(0) } else { Err(error) }
}

#[test]
fn what_nft_cannot_do_is_refused_with_a_way_out() {
    let pair = Pair::new();
    let chance = narrowing(r#"{"probability": 0.5}"#);
    let seeded = narrowing(r#"{"probability": 0.5, "seed": 7}"#);
    let nth = narrowing(r#"{"from_packet": 10}"#);
    let long = narrowing(r#"{"longer_than": 1400}"#);
    for (asked, why) in [
        (PlannedRule { narrowing: seeded, ..rule() }, "seed"),
        (PlannedRule { narrowing: chance, direction: Direction::Out, ..rule() }, "chance"),
        (PlannedRule { narrowing: nth, ..rule() }, "flow"),
        (PlannedRule { narrowing: long, ..rule() }, "segments"),
        (PlannedRule { action: Action::Duplicate, ..rule() }, "copy"),
        (PlannedRule { action: Action::Corrupt, ..rule() }, "change"),
    ] {
        let error = in_a_line(&apply(&by_nft(&pair, vec![asked])).unwrap_err());
        assert!(error.contains("nft") && error.contains(why) && error.contains("--backend tc"), "{error}");
    }
    assert_eq!(pair.traces(), Vec::<String>::new());
}

#[test]
fn of_two_departures_the_first_decides_though_one_is_answered_and_the_other_vanishes() {
    for (first, second, met) in
        [(Action::Drop, Action::Reset, Met::Silence), (Action::Reset, Action::Drop, Met::Refused)]
    {
        let pair = Pair::new();
        let _server = Server::start(&pair.peer_target(), 5432);
        let out = |action| PlannedRule {
            direction: Direction::Out,
            ports: vec![],
            peer_ports: vec![PortRange { first: 5432, last: 5432 }],
            action,
            ..rule()
        };
        let guards = [first, second].map(|action| cut(&by_nft(&pair, vec![out(action)])));
        assert_eq!(new_connection(&pair.node_target(), (Pair::PEER_V4, 5432).into()), met, "{first:?}");
        assert!(packets(&guards[0]) > 0);
        assert_eq!(packets(&guards[1]), 0, "{second:?}");
    }
}

#[test]
fn hits_are_told_though_netfilter_tells_of_none() {
    let pair = Pair::new();
    let cut = apply(&by_nft(&pair, vec![PlannedRule { action: Action::Reset, ..rule() }])).unwrap();
    let (sender, events) = std::sync::mpsc::channel();
    let counting = HitCount::start(&cut, EventSink::new(sender)).unwrap();
    let _guard = Guard::new(cut);
    assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused);
    let hit: HitSummary = events.recv_timeout(Duration::from_secs(10)).unwrap().after_as().unwrap();
    drop(counting);
    assert_eq!((hit.packets, hit.example), (1, None));
    assert!(hit.first.is_some() && hit.first == hit.last);
}

#[test]
fn controllers_that_race_do_each_others_cuts_no_harm() {
    let pair = Pair::new();
    let _server = Server::start(&pair.node_target(), 5432);
    let target = pair.node_target().to_string();
    let held = cut(&by_nft(&pair, vec![PlannedRule { action: Action::Reset, ..rule() }]));
    at_once(&[8001, 8002, 8003, 8004], |port| {
        let port = port.to_string();
        for _ in 0..5 {
            let apply =
                ["apply", "--ports", &port, "--action", "drop", "--direction", "both", "--for", "60s"];
            let id = netsplit(&[&apply[..], &["--on", &target, "--backend", "nft"]].concat()).data();
            netsplit(&["revert", id.trim()]).data();
        }
    });
    assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused);
    assert_eq!(held.revert().unwrap()[0].rules[0].packets, 1);
    assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Answer);
    assert_eq!(pair.traces(), Vec::<String>::new());
}

#[test]
fn it_needs_no_names_of_protocols() {
    let pair = Pair::new();
    let _server = Server::start(&pair.node_target(), 5432);
    let target = pair.node_target().to_string();
    let nameless =
        "if [ -e /etc/protocols ]; then mount --bind /dev/null /etc/protocols; fi && exec \"$0\" \"$@\"";
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "sh",
        "-c",
        nameless,
        env!("CARGO_BIN_EXE_netsplit"),
        "apply",
        "--protocol",
        "any",
    ]);
    command.args([
        "--ports",
        "5432",
        "--action",
        "reject",
        "--direction",
        "both",
        "--backend",
        "nft",
        "--on",
        &target,
    ]);
    let id = told(&mut command).data();
    assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused);
    netsplit(&["revert", id.trim()]).data();
    assert_eq!(pair.traces(), Vec::<String>::new());
}

/// Runs the real command where the kernel refuses `bpf(2)` and bpffs is not mounted.
fn without_ebpf(arguments: &[&str]) -> crate::harness::Told {
    let hidden = "mount -t tmpfs none /sys/fs/bpf && exec \"$0\" \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", hidden, env!("CARGO_BIN_EXE_netsplit")]).args(arguments);
    command.env("NO_COLOR", "1");
    // SAFETY: between fork and exec it makes two system calls, and allocates nothing.
    unsafe { command.pre_exec(refuse_bpf) };
    told(&mut command)
}

/// A seccomp filter (seccomp(2)): `bpf` fails with EPERM, all else is allowed.
fn refuse_bpf() -> io::Result<()> {
    const LOAD_NUMBER: u16 = 0x20;
    const IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let line = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut filter = [
        line(LOAD_NUMBER, 0, 0, 0),
        line(IF_EQUAL, 0, 1, u32::try_from(libc::SYS_bpf).unwrap_or(0)),
        line(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | u32::try_from(libc::EPERM).unwrap_or(0)),
        line(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    // SAFETY: the filter lives until the calls return.
    let set = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
    };
    if set { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[test]
fn where_no_ebpf_can_be_loaded_auto_takes_nft_and_says_why() {
    let pair = Pair::new();
    let _server = Server::start(&pair.node_target(), 5432);
    let target = pair.node_target().to_string();
    let asked = ["apply", "--ports", "5432", "--action", "reset", "--on", &target, "--for", "60s"];

    let planned = without_ebpf(&[&asked[..], &["--dry-run"]].concat());
    assert_eq!(planned.code, Some(0), "{planned:?}");
    assert!(
        planned.err.contains("nft enforces it: ") && planned.err.contains("by nft ingress on"),
        "{planned:?}"
    );
    assert_eq!(pair.traces(), Vec::<String>::new());

    let applied = without_ebpf(&asked);
    assert!(applied.err.contains("nft enforces it: "), "{applied:?}");
    let id = applied.data();
    assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused);
    let status = without_ebpf(&["status"]).data();
    assert!(status.contains(id.trim()) && status.contains("nft ingress"), "{status}");
    assert_eq!(without_ebpf(&["revert", id.trim()]).code, Some(0));
    assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Answer);
    assert_eq!(pair.traces(), Vec::<String>::new());

    let tc = without_ebpf(&[&asked[..], &["--backend", "tc"]].concat());
    assert_eq!(tc.code, Some(3), "{tc:?}");
}
