//! Gray failures on real traffic: the cluster is not cut off, it is treated badly.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

use netsplit::{
    backend::Choice,
    cluster::within,
    cut::Request,
    policy::{
        Action, Narrowing, PlannedRule, Protocol,
        narrow::{LongerThan, TcpFlags},
    },
};

use crate::harness::{Pair, cut, request, rule};

/// What a receiver at the node gets of ten datagrams of a hundred bytes.
fn ten_datagrams(pair: &Pair) -> Vec<Vec<u8>> {
    let server = within(&pair.node_target(), || UdpSocket::bind((Pair::V4, 5432))).unwrap().unwrap();
    server.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    let client = within(&pair.peer_target(), || UdpSocket::bind((Pair::PEER_V4, 0))).unwrap().unwrap();
    for number in 0..10 {
        client.send_to(&[number; 100], (Pair::V4, 5432)).unwrap();
    }
    let mut got = Vec::new();
    let mut buffer = [0; 200];
    while let Ok(length) = server.recv(&mut buffer) {
        got.push(buffer[..length].to_vec());
    }
    got
}

fn udp(action: Action) -> PlannedRule {
    PlannedRule { protocol: Protocol::Udp, action, ..rule() }
}

#[test]
fn a_duplicated_datagram_arrives_twice() {
    let pair = Pair::new();
    let guard = cut(&request(pair.node_target(), vec![udp(Action::Duplicate)]));
    let mut times = BTreeMap::<u8, usize>::new();
    for datagram in ten_datagrams(&pair) {
        *times.entry(datagram[0]).or_default() += 1;
    }
    assert_eq!(times, (0..10).map(|number| (number, 2)).collect());
    assert_eq!(guard.revert().unwrap()[0].rules[0].packets, 10);
    assert_eq!(ten_datagrams(&pair).len(), 10, "once again after the revert");
}

#[test]
fn a_corrupted_datagram_arrives_with_one_bit_changed() {
    let pair = Pair::new();
    let _guard = cut(&request(pair.node_target(), vec![udp(Action::Corrupt)]));
    let got = ten_datagrams(&pair);
    assert_eq!(got.len(), 10, "no checksum catches it");
    for (number, datagram) in (0_u8..).zip(got) {
        let changed: u32 = datagram.iter().map(|byte| (byte ^ number).count_ones()).sum();
        assert_eq!(changed, 1, "{datagram:?}");
    }
}

/// A connection to a server at the node that gives back what it gets.
fn echo(pair: &Pair) -> TcpStream {
    let server = within(&pair.node_target(), || TcpListener::bind((Pair::V4, 5432))).unwrap().unwrap();
    let client = within(&pair.peer_target(), || TcpStream::connect((Pair::V4, 5432))).unwrap().unwrap();
    let (mut stream, _) = server.accept().unwrap();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            if stream.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
    });
    client.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    client
}

fn comes_back(client: &mut TcpStream, bytes: usize) -> bool {
    client.write_all(&vec![7; bytes]).unwrap();
    client.read_exact(&mut vec![0; bytes]).is_ok()
}

#[test]
fn what_tcp_sends_is_corrupted_wherever_it_lies() {
    let pair = Pair::new();
    let mut client = echo(&pair);
    let _guard = cut(&request(pair.node_target(), vec![PlannedRule { action: Action::Corrupt, ..rule() }]));
    // Of one segment and of several: the stack keeps the data of both apart from the headers.
    for bytes in [100, 20_000] {
        client.write_all(&vec![0; bytes]).unwrap();
        let mut back = vec![0; bytes];
        client.read_exact(&mut back).unwrap();
        assert!(back.iter().any(|byte| *byte != 0), "{bytes} bytes came back unchanged");
    }
}

#[test]
fn a_path_mtu_black_hole_lets_health_checks_through() {
    let pair = Pair::new();
    let mut client = echo(&pair);
    let black_hole = Narrowing { longer_than: Some(LongerThan(600)), ..Narrowing::default() };
    let guard = cut(&request(pair.node_target(), vec![PlannedRule { narrowing: black_hole, ..rule() }]));
    assert!(comes_back(&mut client, 100), "short segments pass");
    assert!(comes_back(&mut client, 500), "still short");
    assert!(!comes_back(&mut client, 20_000), "long ones vanish");
    assert!(guard.revert().unwrap()[0].rules[0].packets > 0);
}

#[test]
fn segments_that_together_are_long_are_short_each() {
    let pair = Pair::new();
    let mut client = echo(&pair);
    // The stack hands over up to 64 KiB at once; none of the segments in it is longer than the MTU.
    let above_mtu = Narrowing { longer_than: Some(LongerThan(1500)), ..Narrowing::default() };
    let guard = cut(&request(pair.node_target(), vec![PlannedRule { narrowing: above_mtu, ..rule() }]));
    assert!(comes_back(&mut client, 200_000));
    assert_eq!(guard.revert().unwrap()[0].rules[0].packets, 0);
}

#[test]
fn a_lost_fin_leaves_the_connection_half_open() {
    let pair = Pair::new();
    for (choice, expected) in [(Choice::Tc, false), (Choice::Auto, false)] {
        let server = within(&pair.node_target(), || TcpListener::bind((Pair::V4, 5432))).unwrap().unwrap();
        let client = within(&pair.peer_target(), || TcpStream::connect((Pair::V4, 5432))).unwrap().unwrap();
        let (mut stream, _) = server.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let fins = Narrowing { tcp_flags: Some(TcpFlags { mask: 1, value: 1 }), ..Narrowing::default() };
        let asked = request(pair.node_target(), vec![PlannedRule { narrowing: fins, ..rule() }]);
        let guard = cut(&Request { choice, ..asked });
        drop(client);
        // The end of the stream would be Ok(0).
        assert_eq!(stream.read(&mut [0]).is_ok(), expected, "the server is not told");
        assert!(guard.revert().unwrap()[0].rules[0].packets > 0);
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(stream.read(&mut [0]).ok(), Some(0), "it is once the FIN is sent again");
    }
}
