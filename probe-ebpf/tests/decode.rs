//! The decoder, held against frames by description and against arbitrary bytes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use probe_ebpf::{
    decode::{Family, Malformed, decode, mapped, protocol, tcp_flag},
    frames::{Fragment, Frame, Network, Transport},
};
use proptest::prelude::*;

const SYN: u8 = tcp_flag::SYN;

fn syn() -> Frame {
    Frame::tcp(40000, 5432, SYN)
}

fn v6(extensions: &[u8]) -> Frame {
    let mut frame = syn().over_ipv6();
    if let Network::V6 { extensions: chain, .. } = &mut frame.network {
        chain.extend(extensions);
    }
    frame
}

#[test]
fn ports_are_found_behind_everything_that_may_stand_before_them() {
    use protocol::{AUTHENTICATION, DESTINATION_OPTIONS, HIP, HOP_BY_HOP, MOBILITY, ROUTING, SHIM6};
    let mut frames = vec![("ipv4", syn()), ("ipv6", v6(&[]))];
    for options in [1, 3, 10] {
        let mut frame = syn();
        frame.network = Network::V4 { source: [10, 0, 0, 2], destination: [10, 0, 0, 1], options };
        frames.push(("ipv4 options", frame));
    }
    for chain in [
        vec![HOP_BY_HOP],
        vec![ROUTING],
        vec![DESTINATION_OPTIONS],
        vec![AUTHENTICATION],
        vec![MOBILITY],
        vec![HIP],
        vec![SHIM6],
        vec![HOP_BY_HOP, DESTINATION_OPTIONS, ROUTING, AUTHENTICATION, DESTINATION_OPTIONS],
        vec![DESTINATION_OPTIONS; 8],
    ] {
        frames.push(("ipv6 extensions", v6(&chain)));
    }
    for tags in [vec![], vec![7], vec![100, 7]] {
        for (what, frame) in &frames {
            for fragment in [Fragment::Whole, Fragment::First] {
                let extensions = match &frame.network {
                    Network::V6 { extensions, .. } => extensions.len(),
                    Network::V4 { .. } => 0,
                };
                if fragment == Fragment::First && extensions == 8 {
                    continue;
                }
                let frame = Frame { tags: tags.clone(), fragment, ..frame.clone() };
                let bytes = frame.bytes();
                let packet = decode(bytes.as_slice()).unwrap().unwrap();
                let about = format!("{what}, {} tags, {fragment:?}: {packet:?}", tags.len());
                assert_eq!((packet.source_port, packet.destination_port), (40000, 5432), "{about}");
                assert_eq!(packet.protocol, protocol::TCP, "{about}");
                assert_eq!(packet.tcp_flags, SYN, "{about}");
                assert_eq!(packet.network, frame.network_offset(), "{about}");
                assert_eq!(packet.end, bytes.len(), "{about}");
                assert!(packet.has_ports(), "{about}");
            }
        }
    }
}

#[test]
fn addresses_of_both_families() {
    let bytes = syn().bytes();
    let packet = decode(bytes.as_slice()).unwrap().unwrap();
    assert_eq!(packet.family, Family::V4);
    assert_eq!(packet.source(bytes.as_slice()), Some(mapped([10, 0, 0, 2])));
    assert_eq!(packet.destination(bytes.as_slice()), Some(mapped([10, 0, 0, 1])));
    let frame = v6(&[]);
    let bytes = frame.bytes();
    let packet = decode(bytes.as_slice()).unwrap().unwrap();
    let Network::V6 { source, destination, .. } = frame.network else { unreachable!() };
    assert_eq!(packet.source(bytes.as_slice()), Some(source));
    assert_eq!(packet.destination(bytes.as_slice()), Some(destination));
}

#[test]
fn a_later_fragment_shows_no_ports() {
    for frame in [syn(), v6(&[]), v6(&[protocol::HOP_BY_HOP])] {
        let bytes = Frame { fragment: Fragment::Later, data: 64, ..frame }.bytes();
        let packet = decode(bytes.as_slice()).unwrap().unwrap();
        assert!(packet.later_fragment && !packet.has_ports(), "{packet:?}");
        assert_eq!((packet.source_port, packet.tcp_flags, packet.protocol), (0, 0, protocol::TCP));
    }
}

#[test]
fn other_protocols() {
    let carrying = |transport| Frame { transport, data: 8, ..syn() }.bytes();
    let udp = carrying(Transport::Udp { source: 53, destination: 5432 });
    assert_eq!(decode(udp.as_slice()).unwrap().unwrap().destination_port, 5432);
    let echo = decode(carrying(Transport::Icmp(8)).as_slice()).unwrap().unwrap();
    assert_eq!((echo.icmp_type, echo.has_ports()), (8, false));
    let gre = decode(carrying(Transport::Other(47)).as_slice()).unwrap().unwrap();
    assert_eq!((gre.protocol, gre.has_ports()), (47, false));
    let solicitation = Frame { transport: Transport::Icmp(135), ..syn().over_ipv6() }.bytes();
    assert!(decode(solicitation.as_slice()).unwrap().unwrap().is_neighbour_discovery());
}

#[test]
fn padding_behind_the_packet_is_not_part_of_it() {
    let bytes = Frame { padding: 6, ..syn() }.bytes();
    assert_eq!(decode(bytes.as_slice()).unwrap().unwrap().end, bytes.len() - 6);
}

#[test]
fn frames_without_ip_are_none_of_our_business() {
    let mut arp = syn().bytes();
    arp[12..14].copy_from_slice(&[0x08, 0x06]);
    assert_eq!(decode(arp.as_slice()), Ok(None));
    assert_eq!(decode([0_u8; 13].as_slice()), Ok(None));
}

#[test]
fn a_packet_that_contradicts_itself_is_malformed() {
    let damaged = |at: usize, with: &[u8]| {
        let mut bytes = syn().bytes();
        bytes[at..at + with.len()].copy_from_slice(with);
        bytes
    };
    for (what, bytes) in [
        ("version 5", damaged(14, &[0x55])),
        ("a header of 16 bytes", damaged(14, &[0x44])),
        ("a total length below the header", damaged(16, &[0, 19])),
        ("a total length that cuts the TCP header", damaged(16, &[0, 39])),
        ("a TCP header of 16 bytes", damaged(46, &[0x40])),
    ] {
        assert_eq!(decode(bytes.as_slice()), Err(Malformed), "{what}");
    }
    let nine = v6(&[protocol::DESTINATION_OPTIONS; 9]).bytes();
    assert_eq!(decode(nine.as_slice()), Err(Malformed), "more extension headers than are followed");
}

#[test]
fn a_packet_that_is_cut_short_is_malformed_and_never_misread() {
    for frame in [syn(), v6(&[protocol::HOP_BY_HOP]), Frame { tags: vec![1, 2], ..syn() }] {
        let whole = frame.bytes();
        let packet = decode(whole.as_slice()).unwrap().unwrap();
        for length in 0..whole.len() {
            let outcome = decode(&whole[..length]);
            // Ports and flags stand in the first 14 bytes of the header: from there on all is seen.
            let expected = match length {
                0..14 => Ok(None),
                _ if length < packet.transport + 14 => Err(Malformed),
                _ => Ok(Some(packet)),
            };
            assert_eq!(outcome, expected, "{length} bytes of {frame:?}");
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_decoded_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(Some(packet)) = decode(bytes.as_slice()) {
            prop_assert!(packet.network >= 14 && packet.transport > packet.network);
            prop_assert!(packet.transport <= packet.end);
        }
    }

    #[test]
    fn damaged_frames_are_decoded_without_panic(
        at in 12_usize..100,
        with in any::<u8>(),
        ipv6 in any::<bool>(),
        extensions in prop::collection::vec(prop::sample::select(vec![0_u8, 43, 51, 60, 135]), 0..6),
    ) {
        let frame = if ipv6 { v6(&extensions) } else { syn() };
        let mut bytes = frame.bytes();
        if let Some(byte) = bytes.get_mut(at) {
            *byte = with;
        }
        let _ = decode(bytes.as_slice());
    }
}
