//! The answers that the loaded programs make, held against an independent decoder.

use etherparse::{NetHeaders, PacketHeaders, TransportHeader};
use netsplit::{
    backend::Choice,
    cluster::Target,
    policy::{Action, PlannedRule},
};
use probe_ebpf::{
    decode::{
        protocol,
        tcp_flag::{ACK, FIN, SYN},
    },
    frames::{Frame, Network},
};

use crate::{
    harness::{cut, in_fresh_namespace, request, rule},
    test_run::Loaded,
};

const ANSWERED_BY_XDP: u32 = 3;
const ANSWERED_BY_TC: u32 = 7;

fn frames() -> Vec<Frame> {
    let mut frames = Vec::new();
    for flags in [SYN, ACK, ACK | FIN, FIN] {
        for data in [0, 1, 33, 700, 1400] {
            for tags in [vec![], vec![7], vec![100, 7]] {
                let plain = Frame { data, tags, ..Frame::tcp(40000, 5432, flags) };
                let mut options = plain.clone();
                options.network =
                    Network::V4 { source: [10, 0, 0, 2], destination: [10, 0, 0, 1], options: 5 };
                let mut extended = plain.clone().over_ipv6();
                if let Network::V6 { extensions, .. } = &mut extended.network {
                    extensions.extend([protocol::HOP_BY_HOP, protocol::DESTINATION_OPTIONS]);
                }
                frames.extend([plain.clone().over_ipv6(), plain, options, extended]);
            }
        }
    }
    frames
}

fn answers(action: Action) -> Vec<(Frame, Vec<u8>)> {
    in_fresh_namespace(|| {
        let mut all = Vec::new();
        for (choice, program, answered) in
            [(Choice::Xdp, "netsplit_xdp", ANSWERED_BY_XDP), (Choice::Tc, "netsplit_in", ANSWERED_BY_TC)]
        {
            let mut asked = request(Target::Local, vec![PlannedRule { action, ..rule() }]);
            asked.choice = choice;
            let _guard = cut(&asked);
            let program = Loaded::open(program);
            for frame in frames() {
                let answer = program.ask(&frame.bytes(), None);
                assert_eq!(answer.verdict, answered, "{frame:?}");
                all.push((frame, answer.frame));
            }
        }
        all
    })
}

/// What an independent decoder reads: the frame goes back where it came from, with the same tags.
fn headers<'a>(frame: &Frame, answer: &'a [u8]) -> PacketHeaders<'a> {
    let headers =
        PacketHeaders::from_ethernet_slice(answer).unwrap_or_else(|error| panic!("{error}: {frame:?}"));
    let link = headers.link.clone().and_then(etherparse::LinkHeader::ethernet2).unwrap();
    assert_eq!((link.destination, link.source), (frame.from, frame.to), "{frame:?}");
    let tags: Vec<u16> = headers.vlan_ids().iter().map(|id| id.value()).collect();
    assert_eq!(tags, frame.tags, "{frame:?}");
    match (headers.net.as_ref().unwrap(), &frame.network) {
        (NetHeaders::Ipv4(ip, _), Network::V4 { source, destination, .. }) => {
            assert_eq!((ip.source, ip.destination), (*destination, *source));
            assert_eq!(ip.calc_header_checksum(), ip.header_checksum, "{frame:?}");
        }
        (NetHeaders::Ipv6(ip, _), Network::V6 { source, destination, .. }) => {
            assert_eq!((ip.source, ip.destination), (*destination, *source));
        }
        other => panic!("{other:?}"),
    }
    headers
}

#[test]
fn resets() {
    for (frame, answer) in answers(Action::Reset) {
        let headers = headers(&frame, &answer);
        let Some(TransportHeader::Tcp(tcp)) = &headers.transport else { panic!("{frame:?}") };
        assert!(tcp.rst && !tcp.syn && !tcp.fin && !tcp.psh, "{frame:?}");
        assert_eq!((tcp.source_port, tcp.destination_port), (5432, 40000));
        let checksum = match headers.net.as_ref().unwrap() {
            NetHeaders::Ipv4(ip, _) => tcp.calc_checksum_ipv4(ip, &[]).unwrap(),
            NetHeaders::Ipv6(ip, _) => tcp.calc_checksum_ipv6(ip, &[]).unwrap(),
            other @ NetHeaders::Arp(_) => panic!("{other:?}"),
        };
        assert_eq!(checksum, tcp.checksum, "{frame:?}");
    }
}

#[test]
fn refusals_quote_the_packet() {
    for (frame, answer) in answers(Action::Reject) {
        let headers = headers(&frame, &answer);
        let payload = headers.payload.slice();
        let quoted = &frame.bytes()[frame.network_offset()..];
        assert_eq!(payload, &quoted[..payload.len()], "{frame:?}");
        let checksum = match (headers.net.as_ref().unwrap(), headers.transport.as_ref().unwrap()) {
            (NetHeaders::Ipv4(_, _), TransportHeader::Icmpv4(icmp)) => {
                assert_eq!(payload.len(), quoted.len().min(548), "{frame:?}");
                (icmp.icmp_type.calc_checksum(payload), icmp.checksum)
            }
            (NetHeaders::Ipv6(ip, _), TransportHeader::Icmpv6(icmp)) => {
                assert_eq!(payload.len(), quoted.len().min(1232), "{frame:?}");
                (icmp.icmp_type.calc_checksum(ip.source, ip.destination, payload).unwrap(), icmp.checksum)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(checksum.0, checksum.1, "{frame:?}");
    }
}
