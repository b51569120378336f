//! What no rule may say, whoever wrote it: parts that contradict each other.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{
    draft::{Draft, Parts},
    word::Who,
};
use crate::{
    document::{Problem, Problems},
    policy::{Action, Flows, NodeSelector, Peer, Protocol},
};

/// Reports every contradiction within one rule.
pub(super) fn check(draft: &Draft, problems: &Problems) {
    protocol(draft, problems);
    data(draft, problems);
    chance(draft, problems);
    delay(draft, problems);
    sockets(draft, problems);
    interfaces(draft, problems);
    own_traffic(draft, problems);
    everyone(draft, problems);
    repeated(&draft.ports, problems, |a, b| a.overlaps(*b), "these ports are named twice");
    repeated(&draft.peer_ports, problems, |a, b| a.overlaps(*b), "these ports are named twice");
    repeated(&draft.peers, problems, peers_overlap, "this peer is named twice");
    repeated(&draft.interfaces, problems, |a, b| a == b, "this interface is named twice");
}

/// What only TCP has.
fn protocol(draft: &Draft, problems: &Problems) {
    let Ok(protocol) = &draft.protocol else { return };
    if protocol.value == Protocol::Tcp {
        return;
    }
    let told = |message: &str, place, why: &str, help: &str| {
        let problem = Problem::new(message).at(place, why);
        let protocol = (protocol.span, format!("the protocol is {}", protocol.value));
        problems.report(problem.at(protocol.0, protocol.1).help(help));
    };
    if let Ok(action) = &draft.action
        && action.value == Action::Reset
    {
        told(
            "only TCP can be reset",
            action.span,
            "answers with a TCP RST",
            "choose protocol tcp, or action drop or reject",
        );
    }
    if let Ok(narrowing) = &draft.narrowing
        && let Some(key) = narrowing.value.tcp_only()
    {
        told(
            &format!("only TCP has what `{key}` looks at"),
            narrowing.span,
            "this rule",
            &format!("choose protocol tcp, or leave `{key}` out"),
        );
    }
    if let Ok(flows) = &draft.flows
        && flows.value != Flows::All
    {
        told(
            "only TCP tells new flows from established ones",
            flows.span,
            "judged by TCP's flags, without connection tracking",
            "choose protocol tcp, or leave `flows` out",
        );
    }
}

/// What changes data has to know where they are.
fn data(draft: &Draft, problems: &Problems) {
    let (Ok(protocol), Ok(action)) = (&draft.protocol, &draft.action) else { return };
    if action.value == Action::Corrupt && protocol.value == Protocol::Any {
        problems.report(
            Problem::new("only TCP's and UDP's data can be corrupted")
                .at(action.span, "changes a bit of the data, and the checksum")
                .at(protocol.span, "the protocol is any")
                .help("choose protocol tcp or udp"),
        );
    }
}

/// A seed without chance decides nothing.
fn chance(draft: &Draft, problems: &Problems) {
    let Ok(narrowing) = &draft.narrowing else { return };
    let jitters = draft.delay.as_ref().is_ok_and(|delay| delay.value.is_some_and(|delay| delay.has_jitter()));
    if narrowing.value.seed.is_some() && narrowing.value.probability.is_none() && !jitters {
        problems.report(
            Problem::new("a `seed` without a `probability`")
                .at(narrowing.span, "nothing is left to chance in this rule")
                .help("add probability = 0.5, or leave `seed` out"),
        );
    }
}

/// What is delayed says by how much, and nothing else does; and it has a way back.
fn delay(draft: &Draft, problems: &Problems) {
    let (Ok(action), Ok(delay)) = (&draft.action, &draft.delay) else { return };
    match (action.value, delay.value) {
        (Action::Delay, None) => {
            problems.report(
                Problem::new("a delay of unknown length")
                    .at(action.span, "says that packets are delayed, and not by how much")
                    .help("add delay = \"100ms\", or delay = { time = \"100ms\", jitter = \"20ms\" }"),
            );
        }
        (other, Some(_)) if other != Action::Delay => {
            problems.report(
                Problem::new("a `delay` where nothing is delayed")
                    .at(delay.span, "how much later packets go on")
                    .at(action.span, format!("the action is {other}"))
                    .help("choose action delay, or leave `delay` out"),
            );
        }
        _ => {}
    }
    if let Ok(loopback) = &draft.loopback
        && loopback.value
        && action.value == Action::Delay
    {
        problems.report(
            Problem::new("what a node sends to itself cannot be delayed")
                .at(loopback.span, "asks for what goes through `lo`")
                .at(action.span, "hands packets to the stack anew, which takes its own address for a forgery")
                .help("leave `loopback` out"),
        );
    }
}

/// A socket is closed because the rule stops its packets, all of them.
fn sockets(draft: &Draft, problems: &Problems) {
    let Ok(close) = draft.close_sockets.as_ref() else { return };
    if !close.value {
        return;
    }
    let told = |message: &str, place, why: &str, help: &str| {
        let problem = Problem::new(message).at(place, why).at(close.span, "closes open TCP connections");
        problems.report(problem.help(help));
    };
    if let Ok(protocol) = &draft.protocol
        && protocol.value == Protocol::Udp
    {
        told(
            "only TCP has connections to close",
            protocol.span,
            "the protocol is udp",
            "choose protocol tcp or any, or leave `close_sockets` out",
        );
    }
    if let Ok(action) = &draft.action
        && !action.value.stops()
    {
        told(
            "`close_sockets` is for rules that stop packets",
            action.span,
            "lets them go on",
            "choose action drop, reject or reset, or leave `close_sockets` out",
        );
    }
    if let Ok(flows) = &draft.flows
        && flows.value == Flows::New
    {
        told(
            "no packet of an open connection is hit, so none is closed",
            flows.span,
            "spares open connections",
            "leave `flows` out: then open connections end, and none is made anew",
        );
    }
    if let Ok(narrowing) = &draft.narrowing
        && let Some(key) = narrowing.value.given().first()
    {
        told(
            &format!("`{key}` is about single packets, and a connection is closed as a whole"),
            narrowing.span,
            "this rule",
            &format!("leave `{key}` out, or `close_sockets`"),
        );
    }
}

/// `lo` is named exactly when `loopback` is true.
fn interfaces(draft: &Draft, problems: &Problems) {
    let (Ok(loopback), Ok(interfaces)) = (&draft.loopback, &draft.interfaces) else { return };
    if interfaces.value.is_empty() {
        return;
    }
    let lo = interfaces.value.iter().find(|interface| interface.value == "lo");
    let problem = match (loopback.value, lo) {
        (true, None) => Problem::new("`loopback` is true, and `interfaces` leaves `lo` out")
            .at(interfaces.span, "`lo` is not among these")
            .at(loopback.span, "asks for what goes through `lo`")
            .help("add \"lo\" to the interfaces, or leave `loopback` out"),
        (false, Some(lo)) => Problem::new("`interfaces` names `lo`, and `loopback` is not true")
            .at(lo.span, "what the node sends to itself")
            .help("set loopback = true as well, or leave \"lo\" out"),
        _ => return,
    };
    problems.report(problem);
}

/// On `lo` a node meets only itself, and everywhere else it never does.
fn own_traffic(draft: &Draft, problems: &Problems) {
    let (Ok(node), Ok(loopback), Ok(peers)) = (&draft.node, &draft.loopback, &draft.peers) else { return };
    if loopback.value {
        let others_only =
            !peers.value.is_empty() && peers.value.iter().all(|who| surely_another(&node.value, &who.value));
        if others_only {
            problems.report(
                Problem::new("`loopback` is true, and no peer is ever seen on `lo`")
                    .at(peers.span, format!("none of these is {} itself", node.value))
                    .at(loopback.span, "covers only what the node sends to itself")
                    .help(format!(
                        "add \"{}\" or \"127.0.0.0/8\" to the peers, or leave `loopback` out",
                        node.value
                    )),
            );
        }
        return;
    }
    for who in &peers.value {
        let why = match &who.value {
            Who::Peer(Peer::Node(peer)) if one_and_the_same(&node.value, peer) => "this is the node itself",
            Who::Peer(Peer::Prefix(prefix)) if only_on_loopback(*prefix) => "never seen outside of `lo`",
            _ => continue,
        };
        problems.report(
            Problem::new("a peer that the rule can never meet")
                .at(who.span, why)
                .help("for what the node sends to itself, set loopback = true"),
        );
    }
}

fn everyone(draft: &Draft, problems: &Problems) {
    let Ok(peers) = &draft.peers else { return };
    if let Some(everyone) = peers.value.iter().find(|who| who.value == Who::Everyone)
        && peers.value.len() > 1
    {
        problems.report(
            Problem::new("`*` leaves nothing for the other peers to add")
                .at(everyone.span, "everyone, in the cluster or not")
                .help("leave the others out, or `*`"),
        );
    }
}

fn repeated<T>(list: &Parts<T>, problems: &Problems, overlap: fn(&T, &T) -> bool, message: &str) {
    let Ok(list) = list else { return };
    for (index, later) in list.value.iter().enumerate() {
        let earlier = list.value[..index].iter().find(|earlier| overlap(&earlier.value, &later.value));
        if let Some(earlier) = earlier {
            problems.report(
                Problem::new(message)
                    .at(later.span, "here again")
                    .at(earlier.span, "first here")
                    .help("name each only once"),
            );
        }
    }
}

fn peers_overlap(a: &Who, b: &Who) -> bool {
    match (a, b) {
        (Who::Peer(Peer::Prefix(a)), Who::Peer(Peer::Prefix(b))) => a.contains(b) || b.contains(a),
        _ => a == b,
    }
}

/// Whether the peer can be told, without asking the cluster, to be none of the rule's own nodes.
fn surely_another(node: &NodeSelector, peer: &Who) -> bool {
    use NodeSelector::{AnyReplica, Leader, Name, OtherReplica, Replica, Sync};
    let Who::Peer(Peer::Node(peer)) = peer else { return false };
    match (node, peer) {
        (Leader, Replica | AnyReplica | OtherReplica | Sync)
        | (Replica | AnyReplica | OtherReplica | Sync, Leader)
        | (AnyReplica, OtherReplica) => true,
        (Name(node), Name(peer)) => node != peer,
        _ => false,
    }
}

/// Whether both can be told, without asking the cluster, to be one and the same node.
fn one_and_the_same(node: &NodeSelector, peer: &NodeSelector) -> bool {
    node == peer && matches!(node, NodeSelector::Leader | NodeSelector::Name(_))
}

/// Whether the prefix lies within what RFC 1122 3.2.1.3 and RFC 4291 2.5.3 keep for the node itself.
fn only_on_loopback(prefix: IpNet) -> bool {
    let v4 = IpNet::from(Ipv4Net::new_assert([127, 0, 0, 0].into(), 8));
    let v6 = IpNet::from(Ipv6Net::new_assert(std::net::Ipv6Addr::LOCALHOST, 128));
    v4.contains(&prefix) || v6.contains(&prefix)
}
