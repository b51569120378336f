//! A cable between a node and its peer, and the sockets at both ends.

use std::{
    fs::File,
    net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6},
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use probe_ebpf::{abi::Way, frames::Frame};
use rustix::{
    io::Errno,
    net::{
        AddressFamily, Protocol, RawProtocol, RecvFlags, SendFlags, SocketType, ipproto, netdevice, recv,
        send, sendto, sockopt,
    },
};

use super::story::Story;
use crate::harness::{in_fresh_namespace, run};

/// Where the IP packet of a frame without tags begins.
const NETWORK: usize = 14;

/// A node in the calling thread's namespace, at its end, `node`, of a cable; the peer's, `wire`, is in a namespace of
/// its own. The stack at the node's end takes part in nothing: it answers no packet, and has a way back for each answer.
pub(super) struct Cable {
    way: Way,
    wire: Tap,
    lo: Tap,
    v4: OwnedFd,
    v6: OwnedFd,
}

impl Cable {
    /// A cable for the corpus's frames to go this way: the node is the one whom they are for, or the one who sends
    /// them.
    pub(super) fn new(way: Way) -> Self {
        let wire = lay(way);
        let raw = |family| rustix::net::socket(family, SocketType::RAW, Some(ipproto::RAW)).unwrap();
        let cable = Self {
            way,
            wire,
            lo: Tap::on("lo"),
            v4: raw(AddressFamily::INET),
            v6: raw(AddressFamily::INET6),
        };
        // No copies of multicast for the node itself: it would meet its own departures as arrivals.
        sockopt::set_ipv6_multicast_loop(&cable.v6, false).unwrap();
        cable
    }

    /// Which way frames go.
    pub(super) fn way(&self) -> Way {
        self.way
    }

    /// Whether a frame can be sent at all. Departures are sent by sockets that bring their own IP header, so that they
    /// meet the output hook; a packet socket goes around it. But a socket can neither put a VLAN tag in front of the
    /// header nor say which link-layer address it goes to: the former is for a VLAN interface, the latter for the
    /// neighbour table. Nor could it send an IPv4 header that is shorter than it may be or longer than the packet
    /// (EINVAL); of what is malformed the corpus has nothing.
    pub(super) fn carries(&self, frame: &Frame) -> bool {
        self.way == Way::Ingress || (frame.tags.is_empty() && frame.to == Frame::tcp(0, 0, 0).to)
    }

    /// Sends a frame, and says whether the sender was told that it may not (EPERM).
    pub(super) fn send(&self, bytes: &[u8]) -> bool {
        if self.way == Way::Ingress {
            send(self.wire.socket.as_fd(), bytes, SendFlags::empty()).unwrap();
            return false;
        }
        // Such a socket has the kernel write an IPv4 header's total length and checksum, and an IP id where it is 0:
        // they are right already. Transport checksums are the sender's.
        let packet = &bytes[NETWORK..];
        let sent = if packet[0] >> 4 == 4 {
            let to = <[u8; 4]>::try_from(&packet[16..20]).map(Ipv4Addr::from).unwrap();
            // The header says whom it is for, this where it goes: a loopback address is to go over the cable, too.
            let hop = if to.is_loopback() { Ipv4Addr::new(10, 0, 0, 1) } else { to };
            sendto(&self.v4, packet, SendFlags::empty(), &SocketAddrV4::new(hop, 0))
        } else {
            let to = <[u8; 16]>::try_from(&packet[24..40]).map(Ipv6Addr::from).unwrap();
            let interface = netdevice::name_to_index(&self.v6, "node").unwrap();
            sendto(&self.v6, packet, SendFlags::empty(), &SocketAddrV6::new(to, 0, 0, interface))
        };
        match sent {
            Ok(_) => false,
            Err(Errno::PERM) => true,
            Err(error) => panic!("{packet:?} cannot be sent: {error}"),
        }
    }

    /// Sends a frame from the node by a packet socket, around the output hook, and says what the sender meets. To it, a
    /// drop is a full queue (ENOBUFS); also where TC drops.
    pub(super) fn send_around(bytes: &[u8]) -> Option<Errno> {
        send(&Tap::on("node").socket, bytes, SendFlags::empty()).err()
    }

    /// Adds to a story what has come since.
    pub(super) fn listen(&self, story: &mut Story) {
        let is_answer = |frame: &Vec<u8>, to| self.way == to && is_answer(frame);
        let (answers, left): (Vec<_>, Vec<_>) =
            self.wire.received().into_iter().partition(|frame| is_answer(frame, Way::Ingress));
        story.answers += answers.len();
        story.left.extend(left.into_iter().map(|frame| frame[NETWORK..].to_vec()));
        // Who sent it is on the node itself.
        story.answers += self.lo.received().iter().filter(|frame| is_answer(frame, Way::Egress)).count();
    }
}

/// What a frame that leaves the node looks like to the peer, from the IP header on.
pub(super) fn packet(frame: &Frame) -> Vec<u8> {
    frame.bytes()[NETWORK..].to_vec()
}

/// A raw socket that hears what comes to an interface of the calling thread's namespace.
struct Tap {
    socket: OwnedFd,
}

impl Tap {
    fn on(interface: &str) -> Self {
        // `ETH_P_ALL`, in network order.
        let all = Protocol::from_raw(RawProtocol::new(u32::from(3_u16.to_be())).unwrap());
        let socket = rustix::net::socket(AddressFamily::PACKET, SocketType::RAW, Some(all)).unwrap();
        // For all that comes before anybody listens.
        sockopt::set_socket_recv_buffer_size_force(&socket, 16 << 20).unwrap();
        let ifindex = netdevice::name_to_index(&socket, interface).unwrap();
        let address = libc::sockaddr_ll {
            sll_family: u16::try_from(libc::AF_PACKET).unwrap(),
            sll_protocol: 3_u16.to_be(),
            sll_ifindex: i32::try_from(ifindex).unwrap(),
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 6,
            sll_addr: [0; 8],
        };
        let yes: libc::c_int = 1;
        let length = |size| libc::socklen_t::try_from(size).unwrap();
        // SAFETY: the option is an int, it and the address live until the calls return, and are as long as told. Only
        // what comes is heard: what is sent over `lo` would be heard twice.
        let results = unsafe {
            let fd = socket.as_raw_fd();
            [
                libc::setsockopt(
                    fd,
                    libc::SOL_PACKET,
                    libc::PACKET_IGNORE_OUTGOING,
                    (&raw const yes).cast(),
                    length(size_of_val(&yes)),
                ),
                libc::bind(fd, (&raw const address).cast(), length(size_of_val(&address))),
            ]
        };
        assert_eq!(results, [0, 0], "{}", std::io::Error::last_os_error());
        Self { socket }
    }

    fn received(&self) -> Vec<Vec<u8>> {
        let mut buffer = [0; 2048];
        let mut frames = Vec::new();
        while let Ok((length, _)) = recv(self.socket.as_fd(), &mut buffer[..], RecvFlags::DONTWAIT) {
            frames.push(buffer[..length].to_vec());
        }
        frames
    }
}

/// Whether a frame is a reset or a port unreachable. Where it is looked for, nobody else sends any.
fn is_answer(frame: &[u8]) -> bool {
    if frame.len() < 54 {
        return false;
    }
    match (&frame[12..14], frame[23], frame[20]) {
        ([0x08, 0x00], 6, _) => frame[47] & 0x04 != 0,
        ([0x08, 0x00], 1, _) => frame[34..36] == [3, 3],
        ([0x86, 0xdd], _, 6) => frame[67] & 0x04 != 0,
        ([0x86, 0xdd], _, 58) => frame[54..56] == [1, 4],
        _ => false,
    }
}

/// Lays the cable, and hands over the peer's end. The peer's namespace goes with it.
fn lay(way: Way) -> Tap {
    let namespace = File::open("/proc/thread-self/ns/net").unwrap();
    let here = format!("/proc/{}/fd/{}", std::process::id(), namespace.as_raw_fd());
    let sample = Frame::tcp(0, 0, 0);
    // The frames' own addresses, so that they are the same on the wire as in the corpus.
    let (node, peer) = match way {
        Way::Ingress => (sample.to, sample.from),
        Way::Egress => (sample.from, sample.to),
    };
    let mac = |address: [u8; 6]| address.map(|byte| format!("{byte:02x}")).join(":");
    let (node, peer) = (mac(node), mac(peer));
    let tap = in_fresh_namespace(|| {
        run(
            "ip",
            &[
                "link", "add", "wire", "address", &peer, "type", "veth", "peer", "name", "node", "address",
                &node, "netns", &here,
            ],
        );
        run("sysctl", &["-q", "-w", "net.ipv6.conf.wire.disable_ipv6=1"]);
        run("ip", &["link", "set", "wire", "up"]);
        Tap::on("wire")
    });
    for setting in [
        "net.ipv6.conf.node.accept_dad=0",
        "net.ipv4.icmp_ratelimit=0",
        "net.ipv4.icmp_ratemask=0",
        "net.ipv6.icmp.ratelimit=0",
        "net.ipv6.icmp.ratemask=2",
        "net.ipv4.conf.all.rp_filter=0",
    ] {
        run("sysctl", &["-q", "-w", setting]);
    }
    // What passes is to go no further than the look at it; all that comes is counted; and of groups and routers, which
    // are asked for over IPv6 when a link comes up, the node says nothing (MLDv2, RFC 9777; RFC 4861).
    run(
        "nft",
        &["table inet quiet {
            chain arriving {
                type filter hook prerouting priority -400; policy drop;
            }
            chain own {
                type filter hook output priority -400; policy accept;
                icmpv6 type { 133, 143 } drop
            }
        }
        table netdev quiet {
            counter arrived { }
            chain counted {
                type filter hook ingress device \"node\" priority -600; policy accept;
                counter name arrived
            }
        }"],
    );
    run("ip", &["link", "set", "node", "up"]);
    let (own, neighbours): (&[_], &[_]) = match way {
        Way::Ingress => (&["10.0.0.1/24", "fd00::1/64"], &["10.0.0.2", "192.0.2.9", "fd00::2"]),
        Way::Egress => (&["10.0.0.2/24", "192.0.2.9/32", "fd00::2/64"], &["10.0.0.1", "fd00::1"]),
    };
    for address in own {
        let nodad: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
        run("ip", &[&["addr", "add", address, "dev", "node"], nodad].concat());
    }
    for beyond in ["192.0.2.0/24", "224.0.0.0/4"] {
        run("ip", &["route", "add", beyond, "dev", "node"]);
    }
    for neighbour in neighbours {
        let to = ["neigh", "replace", neighbour, "lladdr", &peer, "dev", "node", "nud", "permanent"];
        run("ip", &to);
    }
    tap
}
