//! Frames over a real cable, for a backend that cannot be asked: netfilter judges only what really comes.
//!
//! Frames are sent in groups that the model says the same of. A counter and the answers that come back tell what
//! became of a group; only where they tell another story is each of its frames sent alone.

use std::{
    os::fd::{AsFd, OwnedFd},
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    backend::Choice,
    cut::Guard,
    policy::{Action, Direction, Flows, Narrowing, PlannedRule, PortRange, Protocol},
};
use probe_ebpf::{
    abi::Way,
    decode::{
        protocol,
        tcp_flag::{FIN, SYN},
    },
    frames::{Frame, Network, Transport},
};
use rustix::net::{
    AddressFamily, Protocol as Ethertype, RawProtocol, RecvFlags, SocketType, netdevice, recv, send,
};

use crate::{
    corpus,
    harness::{cut, in_fresh_namespace, request, rule, run},
    model::{Outcome, outcome},
};
use netsplit::cluster::Target;

/// A raw socket on an interface of the calling thread's namespace.
struct Tap {
    socket: OwnedFd,
}

impl Tap {
    fn on(interface: &str) -> Self {
        // `ETH_P_ALL`, in network order.
        let all = Ethertype::from_raw(RawProtocol::new(u32::from(3_u16.to_be())).unwrap());
        let socket = rustix::net::socket(AddressFamily::PACKET, SocketType::RAW, Some(all)).unwrap();
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
        // SAFETY: the address lives until the call returns, and is as long as it is told.
        let bound = unsafe {
            use std::os::fd::AsRawFd;
            libc::bind(
                socket.as_raw_fd(),
                (&raw const address).cast(),
                libc::socklen_t::try_from(size_of_val(&address)).unwrap(),
            )
        };
        assert_eq!(bound, 0, "{}", std::io::Error::last_os_error());
        Self { socket }
    }

    fn send(&self, frame: &[u8]) {
        send(self.socket.as_fd(), frame, rustix::net::SendFlags::empty()).unwrap();
    }

    /// How many answers came in: resets, and port unreachables.
    fn answers(&self) -> usize {
        let mut buffer = [0; 2048];
        let mut answers = 0;
        while let Ok((length, _)) = recv(self.socket.as_fd(), &mut buffer[..], RecvFlags::DONTWAIT) {
            answers += usize::from(is_answer(&buffer[..length]));
        }
        answers
    }
}

/// Whether a frame from the node is a reset or a port unreachable. The node has no socket, and sends no other.
fn is_answer(frame: &[u8]) -> bool {
    if frame.len() < 54 || frame[..6] != PEER {
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

const PEER: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// A node's end and its peer's in one namespace: frames put on `wire` arrive at `node`. The stack behind it takes part
/// in nothing: it answers no packet, and has a way back for each answer.
fn cable() {
    run(
        "ip",
        &["link", "add", "node", "address", "02:00:00:00:00:01", "type", "veth", "peer", "name", "wire"],
    );
    run("ip", &["link", "set", "wire", "address", "02:00:00:00:00:02"]);
    for arguments in [
        "net.ipv6.conf.wire.disable_ipv6=1",
        "net.ipv6.conf.node.accept_dad=0",
        // Which groups it listens to (MLDv2, RFC 9777 9.11) is told once and at once, not in the middle of a test.
        "net.ipv6.conf.node.mldv2_unsolicited_report_interval=1",
        "net.ipv4.icmp_ratelimit=0",
        "net.ipv4.icmp_ratemask=0",
        "net.ipv6.icmp.ratelimit=0",
        "net.ipv6.icmp.ratemask=2",
        "net.ipv4.conf.all.rp_filter=0",
    ] {
        run("sysctl", &["-q", "-w", arguments]);
    }
    for end in ["wire", "node"] {
        run("ip", &["link", "set", end, "up"]);
    }
    run("ip", &["addr", "add", "10.0.0.1/24", "dev", "node"]);
    run("ip", &["addr", "add", "fd00::1/64", "dev", "node", "nodad"]);
    run("ip", &["route", "add", "192.0.2.0/24", "dev", "node"]);
    for neighbour in ["10.0.0.2", "192.0.2.9", "fd00::2"] {
        run(
            "ip",
            &[
                "neigh",
                "replace",
                neighbour,
                "lladdr",
                "02:00:00:00:00:02",
                "dev",
                "node",
                "nud",
                "permanent",
            ],
        );
    }
    // What passes is to go no further than the look at it; and all that comes is counted.
    run(
        "nft",
        &["table inet quiet {
            chain arriving {
                type filter hook prerouting priority -400; policy drop;
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
}

/// What becomes of a frame, and which rule decides it.
type Told = (Outcome, Option<usize>);

/// What nft makes of a frame: what the model says, but for what netfilter does not see, and does not answer.
fn expected(rules: &[PlannedRule], frame: &Frame) -> Told {
    // Behind a second VLAN tag.
    if frame.tags.len() > 1 {
        return (Outcome::Passes, None);
    }
    // Behind an IPv6 authentication header, which is all that it knows such a packet by.
    let authenticated = matches!(
        &frame.network,
        Network::V6 { extensions, .. } if extensions.contains(&protocol::AUTHENTICATION)
    );
    let mut seen = frame.clone();
    if authenticated {
        seen.transport = Transport::Other(protocol::AUTHENTICATION);
    }
    let told = |rules: &[PlannedRule]| outcome(rules, &seen, Way::Ingress, false);
    let decides = rules.iter().position(|rule| told(std::slice::from_ref(rule)) != Outcome::Passes);
    match (told(rules), frame.transport, &frame.network) {
        // The kernel takes an ICMP message of a type that it does not know (`NR_ICMP_TYPES`) for an error; and for
        // answers, it does look behind an authentication header.
        (Outcome::Answered, Transport::Icmp(19..), Network::V4 { .. })
        | (Outcome::Answered, Transport::Icmp(..128), Network::V6 { .. }) => (Outcome::Vanishes, decides),
        (outcome, ..) => (outcome, decides),
    }
}

/// What came, and the rules' counters in the policy's order, as nft itself shows them.
fn packets(guard: &Guard) -> (u64, Vec<u64>) {
    let cut = guard.cut().unwrap();
    let list: serde_json::Value = serde_json::from_str(&run("nft", &["-j", "list", "counters"])).unwrap();
    let counters: Vec<_> =
        list["nftables"].as_array().unwrap().iter().map(|object| &object["counter"]).collect();
    let named = |name: &str| {
        let named = counters.iter().filter(|counter| counter["name"] == *name);
        named.map(|counter| counter["packets"].as_u64().unwrap()).sum::<u64>()
    };
    let rules = (0..cut.nodes[0].rules.len()).map(|rule| named(&format!("hits_{}_{rule}", cut.id)));
    (named("arrived"), rules.collect())
}

/// Sends frames that the same is expected of, and says what is wrong.
fn try_group(tap: &Tap, guard: &Guard, group: &[&Frame], expected: Told) -> Result<(), String> {
    let (arrived_before, before) = packets(guard);
    tap.answers();
    let mut answers = 0;
    for frame in group {
        tap.send(&frame.bytes());
        answers += tap.answers();
    }
    let wanted = if expected.0 == Outcome::Answered { group.len() } else { 0 };
    let sent = u64::try_from(group.len()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(2);
    let hits = loop {
        let (arrived, now) = packets(guard);
        answers += tap.answers();
        if (arrived - arrived_before >= sent && answers >= wanted) || Instant::now() > deadline {
            break now.iter().zip(&before).map(|(now, before)| now - before).collect::<Vec<_>>();
        }
        thread::sleep(Duration::from_millis(5));
    };
    let mut hoped = vec![0; before.len()];
    if let Some(rule) = expected.1 {
        hoped[rule] = sent;
    }
    if hits == hoped && answers == wanted {
        return Ok(());
    }
    Err(format!("{sent} frames, {expected:?}: hits {hits:?}, {answers} answers"))
}

/// Policies that together ask for every kind of match.
fn policies() -> Vec<Vec<PlannedRule>> {
    let any = PlannedRule { protocol: Protocol::Any, ports: vec![], loopback: false, ..rule() };
    let range = |first, last| PortRange { first, last };
    let peers = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
    let lost_fin = Narrowing {
        tcp_flags: Some(vec!["fin".to_owned(), "!syn".to_owned()].try_into().unwrap()),
        ..Narrowing::default()
    };
    vec![
        vec![any.clone()],
        vec![PlannedRule { action: Action::Reject, ..any.clone() }],
        vec![PlannedRule { action: Action::Reset, protocol: Protocol::Tcp, ..any.clone() }],
        vec![
            PlannedRule { flows: Flows::New, action: Action::Reset, ..rule() },
            PlannedRule {
                flows: Flows::Established,
                peer_ports: vec![range(5432, 5432)],
                ports: vec![],
                ..rule()
            },
            PlannedRule { protocol: Protocol::Udp, ports: vec![], action: Action::Reject, ..rule() },
        ],
        vec![
            PlannedRule {
                protocol: Protocol::Any,
                ports: vec![range(5400, 5431), range(5432, 5440), range(53, 53)],
                peers: peers(&["10.0.0.0/8", "10.0.0.2/32", "fd00::/8"]),
                action: Action::Reject,
                ..rule()
            },
            PlannedRule { peers: peers(&["::/0"]), ..any.clone() },
            PlannedRule { peers: peers(&["192.0.2.0/24", "127.0.0.0/8"]), ..any },
        ],
        vec![
            PlannedRule { narrowing: lost_fin, ports: vec![], ..rule() },
            PlannedRule { direction: Direction::Both, action: Action::Reset, ..rule() },
        ],
    ]
}

#[test]
fn nft_means_what_the_policy_says() {
    let corpus = corpus::frames();
    in_fresh_namespace(|| {
        cable();
        let tap = Tap::on("wire");
        let mut wrong = Vec::new();
        for rules in policies() {
            let mut asked = request(Target::Local, rules.clone());
            asked.choice = Choice::Nft;
            let guard = cut(&asked);
            let mut groups: Vec<(Told, Vec<&Frame>)> = Vec::new();
            for frame in &corpus {
                let told = expected(&rules, frame);
                match groups.iter_mut().find(|(known, _)| *known == told) {
                    Some((_, group)) => group.push(frame),
                    None => groups.push((told, vec![frame])),
                }
            }
            for (told, group) in groups {
                let Err(whole) = try_group(&tap, &guard, &group, told) else { continue };
                let alone = group.iter().step_by(7).filter_map(|frame| {
                    Some(format!("{frame:?}: {}", try_group(&tap, &guard, &[frame], told).err()?))
                });
                wrong.push(format!("{rules:?}: {whole}: {}", alone.take(3).collect::<Vec<_>>().join("\n")));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    });
}

#[test]
fn what_cannot_be_parsed_passes_nft_too() {
    in_fresh_namespace(|| {
        cable();
        let tap = Tap::on("wire");
        let any = PlannedRule { protocol: Protocol::Any, ports: vec![], ..rule() };
        let mut asked = request(Target::Local, vec![any]);
        asked.choice = Choice::Nft;
        let guard = cut(&asked);
        let whole = Frame::tcp(40000, 5432, SYN | FIN).bytes();
        let mut short_header = whole.clone();
        // A data offset of four words.
        short_header[46] = 0x40;
        let mut truncated = whole.clone();
        // An IP packet that ends within its TCP header.
        truncated[17] = 30;
        truncated.truncate(44);
        tap.send(&short_header);
        tap.send(&truncated);
        tap.send(&whole);
        crate::harness::poll_until("the whole one is hit", Duration::from_secs(5), || {
            packets(&guard).1 == [1]
        });
        let unparsed = run("nft", &["list", "counter", "inet", "netsplit", "unparsed"]);
        assert!(unparsed.contains("packets 2"), "{unparsed}");
    });
}
