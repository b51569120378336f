use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use probe_ebpf::{abi::Way, frames::Fragment};
use proptest::prelude::*;

use super::{Carries, Packet, parse};
use crate::document::tests::drawn;

#[test]
fn what_people_write_is_understood() {
    for (written, canonical) in [
        ("tcp 10.0.0.2:40000 > 10.0.0.1:5432 syn", ""),
        ("tcp 10.0.0.2:40000>10.0.0.1:5432 ack syn", "tcp 10.0.0.2:40000 > 10.0.0.1:5432 syn,ack"),
        (
            "tcp [fd00::2]:1 > [fd00::1]:2 in vlan 7 psh, ack dev eth0 len 1400",
            "tcp [fd00::2]:1 > [fd00::1]:2 psh,ack len 1400 vlan 7 dev eth0 in",
        ),
        ("udp 10.0.0.2:53 > 10.0.0.1:53 lo out", ""),
        ("icmp 10.0.0.2 > 10.0.0.1", ""),
        ("icmp 10.0.0.2 > 10.0.0.1 echo-request", ""),
        ("icmp6 fd00::2 > fd00::1 type 135", "icmp fd00::2 > fd00::1 nd-neighbor-solicit"),
        ("icmp 10.0.0.2 > 10.0.0.1 type 77 frag first", ""),
        ("tcp 10.0.0.2 > 10.0.0.1 frag later", ""),
        ("protocol 47 10.0.0.2 > 10.0.0.1 vlan 1 vlan 2", ""),
    ] {
        let packet = parse(written).unwrap_or_else(|rejected| panic!("{}", drawn(&rejected)));
        assert_eq!(packet.to_string(), if canonical.is_empty() { written } else { canonical });
    }
}

#[test]
fn mistakes_are_told_at_their_place() {
    let told: Vec<_> = [
        "",
        "tpc 10.0.0.2:1 > 10.0.0.1:2",
        "tcp 10.0.0.2:1 10.0.0.1:2",
        "tcp 10.0.0.2.40000 > 10.0.0.1:2",
        "tcp 10.0.0.2:1 > 10.0.0.1",
        "tcp 10.0.0.2:1 > [fd00::1]:2",
        "tcp 10.0.0.2:1 > 10.0.0.1:2 sny",
        "tcp 10.0.0.2:1 > 10.0.0.1:2 frag later",
        "tcp 10.0.0.2 > 10.0.0.1 syn frag later",
        "icmp 10.0.0.2:1 > 10.0.0.1",
        "icmp 10.0.0.2 > 10.0.0.1 nd-redirect",
        "udp 10.0.0.2:1 > 10.0.0.1:2 len 99999",
        "protocol gre 10.0.0.2 > 10.0.0.1",
        "tcp 10.0.0.2:1 > 10.0.0.1:2 vlan",
    ]
    .iter()
    .map(|text| drawn(&parse(text).expect_err(text)))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

fn address() -> impl Strategy<Value = (IpAddr, IpAddr)> {
    prop_oneof![
        any::<[u32; 2]>().prop_map(|[a, b]| (Ipv4Addr::from(a).into(), Ipv4Addr::from(b).into())),
        any::<[u128; 2]>().prop_map(|[a, b]| (Ipv6Addr::from(a).into(), Ipv6Addr::from(b).into())),
    ]
}

fn carries() -> impl Strategy<Value = Carries> {
    prop_oneof![
        any::<(u16, u16, u8)>().prop_map(|(source, destination, flags)| Carries::Tcp {
            source,
            destination,
            flags
        }),
        any::<(u16, u16)>().prop_map(|(source, destination)| Carries::Udp { source, destination }),
        any::<Option<u8>>().prop_map(Carries::Icmp),
        any::<u8>()
            .prop_filter("has words of its own", |n| ![1, 6, 17, 58].contains(n))
            .prop_map(Carries::Other),
    ]
}

/// What a later fragment shows of it.
fn hidden(carries: Carries) -> Carries {
    match carries {
        Carries::Tcp { .. } => Carries::Tcp { source: 0, destination: 0, flags: 0 },
        Carries::Udp { .. } => Carries::Udp { source: 0, destination: 0 },
        Carries::Icmp(_) => Carries::Icmp(None),
        other @ Carries::Other(_) => other,
    }
}

prop_compose! {
    fn packet()(
        carries in carries(),
        (source, destination) in address(),
        length in 0..1400_usize,
        fragment in prop::sample::select(vec![Fragment::Whole, Fragment::First, Fragment::Later]),
        tags in prop::collection::vec(0..4096_u16, 0..3),
        interface in prop::option::of("lo|[a-z][a-z0-9@.-]{0,10}"),
        way in prop::sample::select(vec![None, Some(Way::Ingress), Some(Way::Egress)]),
    ) -> Packet {
        let carries = if fragment == Fragment::Later { hidden(carries) } else { carries };
        Packet { carries, source, destination, length, fragment, tags, interface, way }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(packet in packet()) {
        prop_assert_eq!(parse(&packet.to_string()).expect("its own words"), packet);
    }

    /// The decoder that the programs run finds in the frame what the words said.
    #[test]
    fn a_frame_carries_what_was_said(packet in packet()) {
        let mapped = |address: IpAddr| matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        prop_assume!(!mapped(packet.source) && !mapped(packet.destination));
        // What looks like one more extension header is read as one.
        prop_assume!(!matches!(packet.carries, Carries::Other(0 | 43 | 44 | 51 | 60 | 135 | 139 | 140)));
        let met = Packet::of_frame(&packet.frame().bytes()).expect("whole").expect("IP");
        let said = match packet.carries {
            Carries::Icmp(None) if packet.fragment != Fragment::Later => {
                Carries::Icmp(Some(if packet.source.is_ipv4() { 8 } else { 128 }))
            }
            other => other,
        };
        let fragment = if packet.fragment == Fragment::Later { Fragment::Later } else { Fragment::Whole };
        prop_assert_eq!(met, Packet { carries: said, fragment, interface: None, way: None, ..packet });
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}|(tcp|icmp) [0-9.:>a-z ,]{0,60}") {
        if let Err(rejected) = parse(&text) {
            drawn(&rejected);
        }
    }
}
