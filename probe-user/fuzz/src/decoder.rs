//! The decoder: any bytes are a frame, and where an independent decoder understands it too, both read the same.

use etherparse::{LinkExtSlice, NetSlice, SlicedPacket, TransportSlice};
use probe_ebpf::decode::{Family, Packet, decode, mapped, protocol};

/// The input is a frame.
pub fn check(frame: &[u8]) {
    let ours = decode(frame);
    if let Ok(Some(packet)) = &ours {
        is_sound(frame, packet);
    }
    let Ok(theirs) = SlicedPacket::from_ethernet(frame) else { return };
    if !theirs.link_exts.iter().all(is_known_tag) || theirs.link_exts.len() > 2 {
        return;
    }
    if let Ok(Some(packet)) = ours {
        agrees(frame, &packet, &theirs);
    } else if let Some(TransportSlice::Tcp(_)) = theirs.transport {
        // Nobody stands behind more extension headers than we follow.
        let behind = |net: &NetSlice<'_>| match net {
            NetSlice::Ipv6(ip) => ip.extensions().clone().into_iter().count(),
            _ => 0,
        };
        let extensions = theirs.net.as_ref().map_or(0, behind);
        assert!(extensions > probe_ebpf::decode::MAX_EXTENSION_HEADERS, "overlooked: {theirs:?}");
    }
}

/// What holds whatever the bytes say.
fn is_sound(frame: &[u8], packet: &Packet) {
    assert!(packet.network >= 14 && packet.transport > packet.network && packet.transport <= packet.end);
    assert!(packet.source(frame).is_some() && packet.destination(frame).is_some() || packet.later_fragment);
    if packet.later_fragment {
        assert_eq!((packet.source_port, packet.destination_port, packet.tcp_flags), (0, 0, 0));
    }
    if packet.has_ports() {
        assert!(packet.transport + 8 <= packet.end);
    }
}

fn is_known_tag(extension: &LinkExtSlice<'_>) -> bool {
    // The tag itself does not say which it is: what stood before it does, and only the two known ones come here.
    matches!(extension, LinkExtSlice::Vlan(_))
}

fn agrees(frame: &[u8], packet: &Packet, theirs: &SlicedPacket<'_>) {
    assert_eq!(packet.network, 14 + 4 * theirs.link_exts.len(), "{theirs:?}");
    let Some(net) = &theirs.net else { panic!("no IP in {theirs:?}") };
    let (family, source, destination, ends) = match net {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            let ends = packet.network + usize::from(header.total_len());
            (Family::V4, mapped(header.source()), mapped(header.destination()), ends)
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            let ends = packet.network + 40 + usize::from(header.payload_length());
            (Family::V6, header.source(), header.destination(), ends)
        }
        NetSlice::Arp(_) => panic!("ARP is no IP: {theirs:?}"),
    };
    assert_eq!(packet.family, family);
    assert_eq!(packet.source(frame), Some(source));
    assert_eq!(packet.destination(frame), Some(destination));
    // A length of 0 means "to the end of the frame", to both.
    assert!(packet.end == ends || packet.end == frame.len(), "{packet:?} {theirs:?}");
    // The other decoder reads ICMP out of the middle of a packet, and looks behind IPv4's authentication header, which to
    // us, as to netfilter, is a protocol like others.
    let behind = packet.family == Family::V4 && packet.protocol == protocol::AUTHENTICATION;
    if packet.later_fragment || behind {
        return;
    }
    match &theirs.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            assert_eq!(packet.protocol, protocol::TCP);
            assert_eq!(
                (packet.source_port, packet.destination_port),
                (tcp.source_port(), tcp.destination_port())
            );
            assert_eq!(packet.tcp_flags, tcp.slice()[13]);
        }
        Some(TransportSlice::Udp(udp)) => {
            assert_eq!(packet.protocol, protocol::UDP);
            assert_eq!(
                (packet.source_port, packet.destination_port),
                (udp.source_port(), udp.destination_port())
            );
        }
        Some(TransportSlice::Icmpv4(icmp)) => {
            assert_eq!((packet.protocol, packet.icmp_type), (protocol::ICMP, icmp.type_u8()));
        }
        Some(TransportSlice::Icmpv6(icmp)) => {
            assert_eq!((packet.protocol, packet.icmp_type), (protocol::ICMPV6, icmp.type_u8()));
        }
        None => {}
    }
}
