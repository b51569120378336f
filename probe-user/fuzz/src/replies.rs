//! The answers: whatever is refused, its answer is one that an independent decoder accepts, no longer than RFCs allow,
//! and answers do not answer each other for ever.

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use probe_ebpf::{
    decode::{Family, Packet, decode},
    reply::{
        Checksum, icmp_due, quoted_length, reset, reset_due, reset_v4, reset_v6, unreachable_v4,
        unreachable_v6,
    },
};

/// A refusal, its answer, and the answer to that one: a RST may be refused by ICMP, and there it ends.
const LONGEST_EXCHANGE: usize = 2;

/// The first byte says which answers are given, one bit each time, and whether on `lo`; the rest is a frame.
pub fn check(input: &[u8]) {
    let Some((&choices, frame)) = input.split_first() else { return };
    let loopback = choices & 0x80 != 0;
    let mut frame = frame.to_vec();
    let mut exchanged = 0;
    while let Some(answer) = answer(&frame, choices >> exchanged & 1 != 0, loopback) {
        is_right(&frame, &answer);
        exchanged += 1;
        assert!(exchanged <= LONGEST_EXCHANGE, "answers answer each other: {answer:02x?}");
        frame = answer;
    }
}

/// The answer as the datapath lays it out: the link layer with its two addresses swapped, and what was built.
fn answer(frame: &[u8], by_reset: bool, loopback: bool) -> Option<Vec<u8>> {
    let packet = decode(frame).ok()??;
    let (source, destination) = (packet.source(frame)?, packet.destination(frame)?);
    let to_many = frame[0] & 1 != 0;
    let mut out = [&frame[6..12], &frame[..6], &frame[12..packet.network]].concat();
    if by_reset {
        if !reset_due(&packet, &source, &destination, to_many, loopback) {
            return None;
        }
        let reset = reset(frame, &packet)?;
        match packet.family {
            Family::V4 => out.extend(reset_v4(last_four(destination), last_four(source), &reset)),
            Family::V6 => out.extend(reset_v6(&destination, &source, &reset)),
        }
        return Some(out);
    }
    if !icmp_due(&packet, &source, &destination, to_many, loopback) {
        return None;
    }
    let quote = quote(frame, &packet);
    let sum = quote.chunks(2).fold(Checksum::default(), |sum, pair| {
        sum.word(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]))
    });
    let length = u16::try_from(quote.len()).unwrap();
    match packet.family {
        Family::V4 => out.extend(unreachable_v4(last_four(destination), last_four(source), sum, length)),
        Family::V6 => out.extend(unreachable_v6(&destination, &source, sum, length)),
    }
    out.extend(quote);
    Some(out)
}

fn quote<'a>(frame: &'a [u8], packet: &Packet) -> &'a [u8] {
    let length = quoted_length(packet, frame.len() - packet.network);
    &frame[packet.network..packet.network + length]
}

fn is_right(refused: &[u8], answer: &[u8]) {
    let packet = decode(refused).unwrap().unwrap();
    let sliced = SlicedPacket::from_ethernet(answer).unwrap_or_else(|error| panic!("{error}: {answer:02x?}"));
    let bytes = answer.len() - packet.network;
    let net = sliced.net.as_ref().unwrap();
    match net {
        NetSlice::Ipv4(ip) => {
            let header = ip.header().to_header();
            assert!(bytes <= 576 && usize::from(header.total_len) == bytes);
            assert_eq!(header.calc_header_checksum(), header.header_checksum);
            assert_eq!(packet.source(refused).unwrap()[12..], header.destination);
            assert_eq!(packet.destination(refused).unwrap()[12..], header.source);
        }
        NetSlice::Ipv6(ip) => {
            assert!(bytes <= 1280 && usize::from(ip.header().payload_length()) + 40 == bytes);
            assert_eq!(packet.source(refused), Some(ip.header().destination()));
            assert_eq!(packet.destination(refused), Some(ip.header().source()));
        }
        NetSlice::Arp(_) => panic!("{sliced:?}"),
    }
    match (net, sliced.transport.as_ref().unwrap()) {
        (NetSlice::Ipv4(ip), TransportSlice::Tcp(tcp)) => {
            let sum = tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination());
            assert_eq!(sum.unwrap(), tcp.checksum());
            resets(&packet, tcp.source_port(), tcp.destination_port(), tcp.rst());
        }
        (NetSlice::Ipv6(ip), TransportSlice::Tcp(tcp)) => {
            let sum = tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination());
            assert_eq!(sum.unwrap(), tcp.checksum());
            resets(&packet, tcp.source_port(), tcp.destination_port(), tcp.rst());
        }
        (NetSlice::Ipv4(_), TransportSlice::Icmpv4(icmp)) => {
            let sum = icmp.icmp_type().calc_checksum(icmp.payload());
            assert_eq!((sum, icmp.type_u8(), icmp.code_u8()), (icmp.checksum(), 3, 3));
            assert_eq!(icmp.payload(), quote(refused, &packet));
        }
        (NetSlice::Ipv6(ip), TransportSlice::Icmpv6(icmp)) => {
            assert!(icmp.is_checksum_valid(ip.header().source(), ip.header().destination()));
            assert_eq!((icmp.type_u8(), icmp.code_u8()), (1, 4));
            assert_eq!(icmp.payload(), quote(refused, &packet));
        }
        other => panic!("{other:?}"),
    }
}

fn resets(refused: &Packet, source_port: u16, destination_port: u16, rst: bool) {
    assert!(rst);
    assert_eq!((source_port, destination_port), (refused.destination_port, refused.source_port));
}

fn last_four(address: [u8; 16]) -> [u8; 4] {
    [address[12], address[13], address[14], address[15]]
}
