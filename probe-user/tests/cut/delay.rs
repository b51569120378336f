//! Packets that go on later, on real traffic: as late as was asked for, whole, and never dependent on who holds them.

use std::{
    io::{Read, Write},
    net::{IpAddr, TcpListener, TcpStream, UdpSocket},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use netsplit::cluster::{Target, within};
use rustix::process::Signal;

use crate::harness::{Pair, holder, netsplit, poll_until, signal};

/// A delay in force, by the real command, whose process has ended meanwhile.
struct Delayed {
    id: String,
    node: String,
}

impl Delayed {
    fn apply(pair: &Pair, delay: &str, more: &[&str]) -> Self {
        let on = pair.node_target().to_string();
        let with = format!("delay={delay}");
        let ordinary = ["apply", "--on", &on, "--action", "delay", "--with", &with, "--ports", "5432"];
        let lease: &[&str] = if more.contains(&"--for") { &[] } else { &["--for", "120s"] };
        let id = netsplit(&[&ordinary[..], lease, more].concat()).data();
        Self { id: id.trim().to_owned(), node: pair.node.clone() }
    }

    fn holder(&self) -> Option<(String, u32)> {
        holder(&self.node)
    }

    fn revert(self) {
        netsplit(&["revert", &self.id]).data();
    }
}

fn is_running(pid: u32) -> bool {
    // A zombie of this test's own would be there, too; holders are nobody's children by then.
    Path::new(&format!("/proc/{pid}")).exists()
}

/// How long after it was sent each datagram arrives at the node, in the order of arrival, with its number.
fn datagrams(pair: &Pair, to: IpAddr, count: u8, gap: Duration) -> Vec<(u8, Duration)> {
    let server = within(&pair.node_target(), || UdpSocket::bind((to, 5432))).unwrap().unwrap();
    server.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let client = within(&pair.peer_target(), || {
        UdpSocket::bind(match to {
            IpAddr::V4(_) => (Pair::PEER_V4, 0),
            IpAddr::V6(_) => (Pair::PEER_V6, 0),
        })
    })
    .unwrap()
    .unwrap();
    let begun = Instant::now();
    let sender = thread::spawn(move || {
        (0..count)
            .map(|number| {
                let at = begun.elapsed();
                client.send_to(&[number; 100], (to, 5432)).unwrap();
                thread::sleep(gap);
                at
            })
            .collect::<Vec<_>>()
    });
    let mut arrived = Vec::new();
    let mut buffer = [0; 200];
    while arrived.len() < usize::from(count)
        && let Ok(length) = server.recv(&mut buffer)
    {
        assert_eq!(length, 100);
        arrived.push((buffer[0], begun.elapsed()));
    }
    let sent = sender.join().unwrap();
    arrived.into_iter().map(|(number, at)| (number, at.saturating_sub(sent[usize::from(number)]))).collect()
}

/// How long a connection to the node takes to be made.
fn connect(pair: &Pair, to: IpAddr) -> Duration {
    let begun = Instant::now();
    let limit = Duration::from_secs(10);
    within(&pair.peer_target(), || TcpStream::connect_timeout(&(to, 5432).into(), limit)).unwrap().unwrap();
    begun.elapsed()
}

fn listen(target: &Target, at: IpAddr) -> TcpListener {
    within(target, || TcpListener::bind((at, 5432))).unwrap().unwrap()
}

const LATE: Duration = Duration::from_millis(300);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_millis(900);

#[test]
fn packets_are_late_by_what_was_asked_for_and_in_order() {
    let pair = Pair::new();
    for (to, direction) in [(Pair::V4, "in"), (Pair::V6, "in"), (Pair::V4, "both")] {
        let delayed = Delayed::apply(&pair, "\"300ms\"", &["--protocol", "any", "--direction", direction]);
        let arrived = datagrams(&pair, to, 20, Duration::from_millis(5));
        assert_eq!(
            arrived.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
            (0..20).collect::<Vec<_>>()
        );
        for (number, late) in arrived {
            assert!(late >= LATE && late < LATE + SLACK, "{to} {direction}: {number} after {late:?}");
        }
        let _server = listen(&pair.node_target(), to);
        // A SYN alone, or its answer as well.
        let ways = if direction == "both" { 2 } else { 1 };
        let took = connect(&pair, to);
        assert!(took >= LATE * ways && took < (LATE + SLACK) * ways, "{to} {direction}: {took:?}");
        delayed.revert();
        assert!(connect(&pair, to) < LATE, "once again after the revert");
        assert_eq!(pair.traces(), Vec::<String>::new());
    }
}

#[test]
fn jitter_keeps_the_order_unless_it_is_not_to() {
    let pair = Pair::new();
    let any = ["--protocol", "udp", "--with", "seed=7"];
    for (reorder, delay) in
        [(false, r#"{time="100ms",jitter="100ms"}"#), (true, r#"{time="100ms",jitter="100ms",reorder=true}"#)]
    {
        let delayed = Delayed::apply(&pair, delay, &any);
        let arrived = datagrams(&pair, Pair::V4, 60, Duration::from_millis(2));
        assert_eq!(arrived.len(), 60, "none is lost");
        assert_eq!(!arrived.is_sorted_by_key(|(number, _)| *number), reorder, "{arrived:?}");
        assert!(arrived.iter().all(|(_, late)| *late < LATE + SLACK), "{arrived:?}");
        delayed.revert();
    }
}

#[test]
fn what_chance_spares_overtakes_the_rest() {
    let pair = Pair::new();
    let share = ["--protocol", "udp", "--with", "probability=0.3", "--with", "seed=3"];
    let delayed = Delayed::apply(&pair, "\"100ms\"", &share);
    let arrived = datagrams(&pair, Pair::V4, 60, Duration::from_millis(2));
    assert_eq!(arrived.len(), 60, "none is lost");
    let late = arrived.iter().filter(|(_, late)| *late >= Duration::from_millis(100)).count();
    assert!((8..=40).contains(&late) && !arrived.is_sorted_by_key(|(number, _)| *number), "{arrived:?}");
    delayed.revert();
}

/// Segments that the stack hands over in one piece, with checksums that are still to be filled in, come through.
#[test]
fn a_stream_comes_through_whole_both_ways() {
    let pair = Pair::new();
    let delayed = Delayed::apply(&pair, "\"20ms\"", &["--direction", "both"]);
    for to in [Pair::V4, Pair::V6] {
        let server = listen(&pair.node_target(), to);
        let client = within(&pair.peer_target(), || TcpStream::connect((to, 5432))).unwrap().unwrap();
        let (mut stream, _) = server.accept().unwrap();
        let bytes: Vec<u8> =
            (0..4_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let sent = bytes.clone();
        let echo = thread::spawn(move || {
            let mut got = vec![0; 4_000_000];
            stream.read_exact(&mut got).unwrap();
            stream.write_all(&got).unwrap();
        });
        let mut writer = client.try_clone().unwrap();
        let sender = thread::spawn(move || writer.write_all(&sent).unwrap());
        let mut got = vec![0; bytes.len()];
        let mut reader = client;
        reader.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        reader.read_exact(&mut got).unwrap();
        assert!(got == bytes, "{to}: every byte as it was");
        sender.join().unwrap();
        echo.join().unwrap();
    }
    delayed.revert();
}

#[test]
fn without_a_holder_packets_pass_at_once() {
    let pair = Pair::new();
    let _server = listen(&pair.node_target(), Pair::V4);
    for (sent, more) in [(Signal::KILL, &[][..]), (Signal::STOP, &[]), (Signal::TERM, &["--tc", "clsact"])] {
        let delayed = Delayed::apply(&pair, "\"300ms\"", &[&["--backend", "tc"], more].concat());
        assert!(connect(&pair, Pair::V4) >= LATE, "{sent:?}");
        let (device, pid) = delayed.holder().unwrap();
        signal(pid, sent);
        // Its word is good for a second; what was handed to it meanwhile is lost.
        thread::sleep(Duration::from_millis(1200));
        let took = connect(&pair, Pair::V4);
        assert!(took < LATE, "{sent:?}: {took:?}");
        delayed.revert();
        assert_eq!(pair.traces(), Vec::<String>::new(), "{sent:?}");
        if sent == Signal::STOP {
            signal(pid, Signal::CONT);
        }
        poll_until(&format!("{device}'s holder ends ({sent:?})"), Duration::from_secs(5), || {
            !is_running(pid)
        });
    }
}

#[test]
fn the_holder_ends_with_the_lease_and_keeps_no_namespace() {
    let pair = Pair::new();
    let _server = listen(&pair.node_target(), Pair::V4);
    let delayed = Delayed::apply(&pair, "\"300ms\"", &["--for", "2s"]);
    let (_, pid) = delayed.holder().unwrap();
    assert!(connect(&pair, Pair::V4) >= LATE);
    poll_until("the holder ends", Duration::from_secs(10), || !is_running(pid));
    assert_eq!(delayed.holder(), None, "and its device");
    assert!(connect(&pair, Pair::V4) < LATE);
    delayed.revert();

    let other = Pair::new();
    let delayed = Delayed::apply(&other, "\"300ms\"", &[]);
    let (_, pid) = delayed.holder().unwrap();
    drop(other);
    poll_until("the holder ends with the namespace", Duration::from_secs(10), || !is_running(pid));
}

#[test]
fn two_delays_on_one_node_end_each_by_itself() {
    let pair = Pair::new();
    let long = Delayed::apply(&pair, "\"400ms\"", &["--protocol", "udp"]);
    let short = Delayed::apply(&pair, "\"200ms\"", &["--protocol", "tcp"]);
    let _server = listen(&pair.node_target(), Pair::V4);
    let late = |least: u64, arrived: Vec<(u8, Duration)>| {
        assert!(!arrived.is_empty());
        assert!(arrived.iter().all(|(_, late)| *late >= Duration::from_millis(least)), "{arrived:?}");
    };
    late(400, datagrams(&pair, Pair::V4, 3, Duration::ZERO));
    assert!(connect(&pair, Pair::V4) >= Duration::from_millis(200));
    short.revert();
    late(400, datagrams(&pair, Pair::V4, 3, Duration::ZERO));
    assert!(connect(&pair, Pair::V4) < Duration::from_millis(200));
    long.revert();
    assert_eq!(pair.traces(), Vec::<String>::new());
}

#[test]
fn what_is_held_when_a_delay_is_reverted_goes_on_at_once() {
    let pair = Pair::new();
    let delayed = Delayed::apply(&pair, "\"30s\"", &["--protocol", "udp"]);
    let server = within(&pair.node_target(), || UdpSocket::bind((Pair::V4, 5432))).unwrap().unwrap();
    let client = within(&pair.peer_target(), || UdpSocket::bind((Pair::PEER_V4, 0))).unwrap().unwrap();
    client.send_to(b"held", (Pair::V4, 5432)).unwrap();
    server.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut buffer = [0; 8];
    assert!(server.recv(&mut buffer).is_err(), "it is not due for long");
    delayed.revert();
    assert_eq!(server.recv(&mut buffer).unwrap(), 4);
}

#[test]
fn what_is_held_beyond_its_lease_goes_on_at_once_when_the_cut_is_reverted() {
    let pair = Pair::new();
    let delayed = Delayed::apply(&pair, "\"60s\"", &["--protocol", "udp", "--for", "2s"]);
    let server = within(&pair.node_target(), || UdpSocket::bind((Pair::V4, 5432))).unwrap().unwrap();
    let client = within(&pair.peer_target(), || UdpSocket::bind((Pair::PEER_V4, 0))).unwrap().unwrap();
    client.send_to(b"held", (Pair::V4, 5432)).unwrap();
    server.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let mut buffer = [0; 8];
    assert!(server.recv(&mut buffer).is_err(), "the lease ends, and what is held goes on in its time");
    delayed.revert();
    assert_eq!(server.recv(&mut buffer).unwrap(), 4);
    assert_eq!(pair.traces(), Vec::<String>::new());
}

#[test]
fn what_cannot_be_delayed_is_refused() {
    let pair = Pair::new();
    let on = pair.node_target().to_string();
    for (more, told) in [
        (&["--with", "delay=\"1s\"", "--loopback"][..], "what a node sends to itself cannot be delayed"),
        (&["--with", "delay=\"1s\"", "--backend", "nft"], "nor hold one back"),
        (&["--with", "delay=\"1s\"", "--backend", "xdp"], "nor hold one back"),
        (&[], "a delay of unknown length"),
    ] {
        let refused =
            netsplit(&[&["apply", "--on", &on, "--action", "delay", "--ports", "5432"], more].concat());
        assert!(refused.code != Some(0) && refused.complaint().contains(told), "{refused:?}");
    }
    assert_eq!(pair.traces(), Vec::<String>::new());
}
