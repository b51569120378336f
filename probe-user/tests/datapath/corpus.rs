//! Every combination of family, protocol, flags, tags, options, extension headers and fragments; and lengths.

use probe_ebpf::{
    decode::{protocol, tcp_flag},
    frames::{Fragment, Frame, Network, Transport},
};

/// The corpus. No frame in it is malformed.
pub(crate) fn frames() -> Vec<Frame> {
    use tcp_flag::{ACK, FIN, RST, SYN};
    let tcp = |source, destination, flags| Frame::tcp(source, destination, flags).transport;
    let transports: Vec<_> = [SYN, SYN | ACK, ACK, ACK | FIN, RST, RST | ACK, 0]
        .into_iter()
        .flat_map(|flags| {
            [(40000, 5432), (40000, 5431), (5432, 40000), (8008, 5440)].map(|(s, d)| tcp(s, d, flags))
        })
        .chain(
            [(40000, 5432), (5432, 40000), (53, 53)]
                .map(|(source, destination)| Transport::Udp { source, destination }),
        )
        .chain([0, 3, 8, 11, 128, 135, 137].map(Transport::Icmp))
        .chain([Transport::Other(47)])
        .collect();
    let mut frames = Vec::new();
    for network in networks() {
        for tags in [vec![], vec![7], vec![100, 7]] {
            for fragment in [Fragment::Whole, Fragment::First, Fragment::Later] {
                for &transport in &transports {
                    frames.push(Frame {
                        network: network.clone(),
                        tags: tags.clone(),
                        fragment,
                        transport,
                        data: 32,
                        ..Frame::tcp(0, 0, 0)
                    });
                }
            }
        }
    }
    frames.extend(lengths());
    frames.push(Frame { to: [0xff; 6], ..Frame::tcp(40000, 5432, SYN) });
    frames.push(Frame { to: [0x33, 0x33, 0, 0, 0, 1], ..Frame::tcp(40000, 5432, SYN).over_ipv6() });
    frames
}

/// Frames of other lengths than most: with nothing and next to nothing behind their headers; just as long as a bound that
/// rules ask for, 552 bytes with plain IPv4 and TCP headers, and a byte more; and nearly as long as a link carries, 1496
/// with the longest headers here. A length matters to where headers end and to what a length is compared with, not to
/// which ports or control bits there are: so each network, each fragment and each kind of transport has all lengths, but
/// only one of each kind, with one VLAN tag at most.
pub(crate) fn lengths() -> Vec<Frame> {
    let transports = [
        Frame::tcp(40000, 5432, tcp_flag::SYN).transport,
        Transport::Udp { source: 53, destination: 53 },
        Transport::Icmp(8),
        Transport::Icmp(128),
        Transport::Other(47),
    ];
    let mut frames = Vec::new();
    for network in networks() {
        for fragment in [Fragment::Whole, Fragment::First, Fragment::Later] {
            for transport in transports {
                for data in [0, 1, 512, 513, 1388] {
                    for tags in [vec![], vec![7]] {
                        let network = network.clone();
                        frames.push(Frame {
                            network,
                            tags,
                            fragment,
                            transport,
                            data,
                            ..Frame::tcp(0, 0, 0)
                        });
                    }
                }
            }
        }
    }
    frames
}

fn networks() -> Vec<Network> {
    let v4 = |source, destination, options| Network::V4 { source, destination, options };
    let Network::V6 { source, destination, .. } = Frame::tcp(0, 0, 0).over_ipv6().network else {
        unreachable!("asked for IPv6")
    };
    let v6 = |extensions: &[u8]| Network::V6 { source, destination, extensions: extensions.to_vec() };
    let mut multicast = destination;
    // Of this link: the kernel sends nothing to a multicast address without a scope (RFC 4291 2.7).
    (multicast[0], multicast[1]) = (0xff, 0x02);
    vec![
        v4([10, 0, 0, 2], [10, 0, 0, 1], 0),
        v4([10, 0, 0, 2], [10, 0, 0, 1], 10),
        v4([127, 0, 0, 1], [127, 0, 0, 1], 0),
        v4([10, 0, 0, 2], [224, 0, 0, 5], 0),
        v4([192, 0, 2, 9], [10, 0, 0, 1], 2),
        v6(&[]),
        v6(&[protocol::HOP_BY_HOP, protocol::ROUTING]),
        v6(&[protocol::DESTINATION_OPTIONS, protocol::AUTHENTICATION]),
        Network::V6 { source, destination: multicast, extensions: Vec::new() },
    ]
}
