//! The answers, held against an independent decoder.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use etherparse::{Icmpv4Slice, Icmpv6Slice, Ipv4HeaderSlice, Ipv6HeaderSlice, TcpHeaderSlice};
use probe_ebpf::{
    decode::{Packet, decode, tcp_flag},
    frames::{Frame, Network},
    reply::{Checksum, quoted_length, reset, reset_v4, reset_v6, unreachable_v4, unreachable_v6},
};
use proptest::prelude::*;

const V4: ([u8; 4], [u8; 4]) = ([10, 0, 0, 1], [10, 0, 0, 2]);

fn decoded(bytes: &[u8]) -> Packet {
    decode(bytes).unwrap().unwrap()
}

/// The sum of a quote, as the datapath makes it.
fn summed(quote: &[u8]) -> Checksum {
    quote.chunks(2).fold(Checksum::default(), |sum, pair| {
        sum.word(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]))
    })
}

#[test]
fn resets_follow_rfc_9293() {
    use tcp_flag::{ACK, FIN, RST, SYN};
    // SEG.SEQ is 0x11223344 and SEG.ACK 0x55667788 in all of them.
    for (flags, data, sequence, acknowledgment, answer) in [
        (SYN, 0, 0, 0x1122_3345, RST | ACK),
        (SYN, 10, 0, 0x1122_334f, RST | ACK),
        (FIN, 3, 0, 0x1122_3348, RST | ACK),
        (0, 0, 0, 0x1122_3344, RST | ACK),
        (ACK, 0, 0x5566_7788, 0, RST),
        (ACK | FIN, 20, 0x5566_7788, 0, RST),
        (SYN | ACK, 0, 0x5566_7788, 0, RST),
    ] {
        let bytes = Frame { data, ..Frame::tcp(40000, 5432, flags) }.bytes();
        let reset = reset(bytes.as_slice(), &decoded(&bytes)).unwrap();
        assert_eq!((reset.source_port, reset.destination_port), (5432, 40000));
        assert_eq!((reset.sequence, reset.acknowledgment, reset.flags), (sequence, acknowledgment, answer));
    }
}

#[test]
fn padding_does_not_count_as_data() {
    let bytes = Frame { padding: 6, ..Frame::tcp(40000, 5432, tcp_flag::SYN) }.bytes();
    assert_eq!(reset(bytes.as_slice(), &decoded(&bytes)).unwrap().acknowledgment, 0x1122_3345);
}

#[test]
fn the_sequence_wraps() {
    let mut frame = Frame::tcp(40000, 5432, tcp_flag::SYN);
    if let probe_ebpf::frames::Transport::Tcp { sequence, .. } = &mut frame.transport {
        *sequence = u32::MAX;
    }
    let bytes = frame.bytes();
    assert_eq!(reset(bytes.as_slice(), &decoded(&bytes)).unwrap().acknowledgment, 0);
}

proptest! {
    #[test]
    fn an_independent_decoder_accepts_every_reset(
        source: u16, destination: u16, flags in 0_u8..=255, data in 0_usize..100, ipv6: bool,
    ) {
        let frame = Frame { data, ..Frame::tcp(source, destination, flags) };
        let frame = if ipv6 { frame.over_ipv6() } else { frame };
        let bytes = frame.bytes();
        let reset = reset(bytes.as_slice(), &decoded(&bytes)).unwrap();
        if let Network::V6 { source, destination, .. } = frame.network {
            let out = reset_v6(&destination, &source, &reset);
            let ip = Ipv6HeaderSlice::from_slice(&out).unwrap();
            prop_assert_eq!((ip.source(), ip.destination()), (destination, source));
            prop_assert_eq!(usize::from(ip.payload_length()), out.len() - 40);
            let tcp = TcpHeaderSlice::from_slice(&out[40..]).unwrap();
            prop_assert_eq!(tcp.calc_checksum_ipv6(&ip, &[]).unwrap(), tcp.checksum());
            prop_assert!(tcp.rst());
        } else {
            let out = reset_v4(V4.0, V4.1, &reset);
            let ip = Ipv4HeaderSlice::from_slice(&out).unwrap();
            prop_assert_eq!(ip.to_header().calc_header_checksum(), ip.header_checksum());
            prop_assert_eq!(usize::from(ip.total_len()), out.len());
            let tcp = TcpHeaderSlice::from_slice(&out[20..]).unwrap();
            prop_assert_eq!(tcp.calc_checksum_ipv4(&ip, &[]).unwrap(), tcp.checksum());
            prop_assert!(tcp.rst());
        }
    }

    #[test]
    fn an_independent_decoder_accepts_every_refusal(data in 0_usize..1500, ipv6: bool) {
        let frame = Frame { data, ..Frame::tcp(40000, 5432, tcp_flag::ACK) };
        let frame = if ipv6 { frame.over_ipv6() } else { frame };
        let bytes = frame.bytes();
        let packet = decoded(&bytes);
        let length = quoted_length(&packet, bytes.len() - packet.network);
        let quote = &bytes[packet.network..packet.network + length];
        let counted = u16::try_from(length).unwrap();
        if let Network::V6 { source, destination, .. } = frame.network {
            let mut out = unreachable_v6(&destination, &source, summed(quote), counted).to_vec();
            out.extend(quote);
            prop_assert!(out.len() <= 1280);
            let ip = Ipv6HeaderSlice::from_slice(&out).unwrap();
            prop_assert_eq!(usize::from(ip.payload_length()), out.len() - 40);
            let icmp = Icmpv6Slice::from_slice(&out[40..]).unwrap();
            prop_assert!(icmp.is_checksum_valid(ip.source(), ip.destination()));
            prop_assert_eq!((icmp.type_u8(), icmp.code_u8()), (1, 4));
        } else {
            let mut out = unreachable_v4(V4.0, V4.1, summed(quote), counted).to_vec();
            out.extend(quote);
            prop_assert!(out.len() <= 576);
            let ip = Ipv4HeaderSlice::from_slice(&out).unwrap();
            prop_assert_eq!(ip.to_header().calc_header_checksum(), ip.header_checksum());
            prop_assert_eq!(usize::from(ip.total_len()), out.len());
            let icmp = Icmpv4Slice::from_slice(&out[20..]).unwrap();
            prop_assert_eq!((icmp.type_u8(), icmp.code_u8()), (3, 3));
            let sum = summed(&out[20..]).finish();
            prop_assert_eq!(sum, [0, 0], "the sum over the whole message is zero");
        }
    }
}
