//! A ruleset of any size replaces another in one instant, as packets see it: none meets a verdict that neither
//! the old nor the new ruleset gives.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use ipnet::IpNet;
use netsplit::{
    backend::{Choice, datapath::program_names},
    cluster::{Target, within},
    policy::{PlannedRule, PortRange, Protocol},
};
use probe_ebpf::{decode::tcp_flag::SYN, frames::Frame};

use crate::{
    harness::{Pair, cut, request, rule},
    test_run::Loaded,
};

/// Dropped by the base cut, which is always in force.
const ALWAYS: u16 = 5432;
/// No rule names it.
const NEVER: u16 = 7777;
/// Dropped by the cuts that come and go.
const BETWEEN: u16 = 9000;

fn from_tens(port: u16) -> PlannedRule {
    let ports = vec![PortRange { first: port, last: port }];
    let peers = ["10.0.0.0/8", "fd00::/8"].map(|peers| peers.parse().unwrap()).to_vec();
    PlannedRule { protocol: Protocol::Any, ports, peers, ..rule() }
}

/// So many rules with so many peers between them, the senders of the test among them: the longest prefix of each
/// changes with every cut, and must still lead to the base cut's rule.
fn crowd(rules: u16, peers: u32) -> Vec<PlannedRule> {
    let others = (0..peers).map(|number| {
        let [_, b, c, d] = (0x0a00_0000 + number * 3).to_be_bytes();
        format!("10.{b}.{c}.{d}/32").parse::<IpNet>().unwrap()
    });
    let senders = ["10.0.0.2/32", "10.99.0.2/32", "fd99::2/128"].map(|peer| peer.parse().unwrap());
    let first = PlannedRule { peers: senders.into_iter().chain(others).collect(), ..from_tens(BETWEEN) };
    std::iter::once(first).chain((1..rules).map(|rule| from_tens(10_000 + rule))).collect()
}

/// Whether `BETWEEN` is dropped after so many turns: from the first cut's beginning to the second's end.
fn drops_between(turns: usize) -> bool {
    turns % 2 == 1
}

/// Asks the program without a pause, and says how often.
fn ask(program: &Loaded, ifindex: Option<u32>, turns: &AtomicUsize, stop: &AtomicBool) -> usize {
    // XDP_DROP and XDP_PASS, TC_ACT_SHOT and TC_ACT_UNSPEC.
    let (drops, passes) = if ifindex.is_none() { (1, 2) } else { (2, u32::MAX) };
    let frame = |port| Frame::tcp(40000, port, SYN).bytes();
    let (always, never, between) = (frame(ALWAYS), frame(NEVER), frame(BETWEEN));
    let mut asked = 0;
    while !stop.load(Ordering::SeqCst) {
        assert_eq!(program.ask(&always, ifindex).verdict, drops, "both rulesets drop it, ask {asked}");
        assert_eq!(program.ask(&never, ifindex).verdict, passes, "both rulesets pass it, ask {asked}");
        let before = turns.load(Ordering::SeqCst);
        let met = program.ask(&between, ifindex).verdict;
        if before == turns.load(Ordering::SeqCst) && drops_between(before) {
            assert_eq!(met, drops, "the old cut and the new one drop it, ask {asked}");
        } else {
            assert!([drops, passes].contains(&met));
        }
        asked += 1;
    }
    asked
}

/// Real datagrams, of every sort one before the next, and says how often: those to `NEVER` are all answered, and nobody
/// hears those to `ALWAYS`, nor those to `BETWEEN` while a cut drops them.
fn send(pair: &Pair, turns: &AtomicUsize, stop: &AtomicBool) -> usize {
    let socket =
        |target: Target, port: u16| within(&target, || UdpSocket::bind(("0.0.0.0", port))).unwrap().unwrap();
    let [echo, always, between] = [NEVER, ALWAYS, BETWEEN].map(|port| socket(pair.node_target(), port));
    for deaf in [&always, &between] {
        deaf.set_nonblocking(true).unwrap();
    }
    let client = socket(pair.peer_target(), 0);
    for socket in [&echo, &client] {
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    }
    let to = |port| SocketAddr::new(Pair::V4, port);
    let mut answered = 0;
    while !stop.load(Ordering::SeqCst) {
        let before = turns.load(Ordering::SeqCst);
        client.send_to(b"a", to(ALWAYS)).unwrap();
        client.send_to(b"b", to(BETWEEN)).unwrap();
        client.send_to(b"n", to(NEVER)).unwrap();
        let (_, from) = echo.recv_from(&mut [0; 8]).expect("a datagram that both rulesets pass arrives");
        echo.send_to(b"n", from).unwrap();
        client.recv(&mut [0; 8]).expect("and so does its answer");
        assert!(always.recv(&mut [0; 8]).is_err(), "a datagram that both rulesets drop has arrived");
        let arrived = between.recv(&mut [0; 8]).is_ok();
        let dropped = before == turns.load(Ordering::SeqCst) && drops_between(before);
        assert!(!(arrived && dropped), "a datagram that the old cut and the new one drop has arrived");
        answered += 1;
    }
    answered
}

/// The program that judges arrivals, and for TC the interface that it is to take them for; nft has none.
fn program(pair: &Pair, choice: Choice) -> Option<(Loaded, Option<u32>)> {
    let [xdp, tc_ingress, _] = program_names();
    let (name, ifindex) = match choice {
        Choice::Xdp => (xdp, None),
        Choice::Tc => (tc_ingress, Some(1)),
        Choice::Nft | Choice::Auto => return None,
    };
    Some((within(&pair.node_target(), || Loaded::open(name)).unwrap(), ifindex))
}

fn no_packet_sees_a_mixture(choice: Choice) {
    let pair = Pair::new();
    let asked_for = |rules| {
        let mut asked = request(pair.node_target(), rules);
        (asked.choice, asked.lease) = (choice, Duration::from_mins(30));
        asked
    };
    let _base = cut(&asked_for(vec![from_tens(ALWAYS)]));
    let program = program(&pair, choice);
    let (stop, turns) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let asking = program.as_ref().map(|(program, ifindex)| {
            scope.spawn(|| within(&pair.node_target(), || ask(program, *ifindex, &turns, &stop)))
        });
        let sending = scope.spawn(|| send(&pair, &turns, &stop));
        let stopper = Stopper(&stop);
        let sizes = [(1, 1), (3, 2000), (60, 1), (127, 4000)];
        for round in 0..8 {
            let [(rules, peers), (next_rules, next_peers)] =
                [sizes[round % 4], sizes[(round + 1 + round / 4) % 4]];
            let first = cut(&asked_for(crowd(rules, peers)));
            turns.fetch_add(1, Ordering::SeqCst);
            let second = cut(&asked_for(crowd(next_rules, next_peers)));
            first.revert().unwrap();
            turns.fetch_add(1, Ordering::SeqCst);
            second.revert().unwrap();
            let failed = asking.as_ref().is_some_and(thread::ScopedJoinHandle::is_finished);
            if failed || sending.is_finished() {
                break;
            }
        }
        drop(stopper);
        let asked = asking.map(|asking| asking.join().unwrap().unwrap());
        let answered = sending.join().unwrap();
        assert!(
            asked.is_none_or(|asked| asked > 1000) && answered > 100,
            "{asked:?} asked, {answered} answered"
        );
    });
}

/// Ends the threads also where this one fails.
struct Stopper<'a>(&'a AtomicBool);

impl Drop for Stopper<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn no_packet_sees_a_mixture_at_xdp() {
    no_packet_sees_a_mixture(Choice::Xdp);
}

#[test]
fn no_packet_sees_a_mixture_at_tc() {
    no_packet_sees_a_mixture(Choice::Tc);
}

#[test]
fn no_packet_sees_a_mixture_at_nft() {
    no_packet_sees_a_mixture(Choice::Nft);
}
