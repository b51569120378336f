//! The tables: compiled rules decide a segment as the plain model of the policy does, by the same rule.

use std::net::IpAddr;

use arbitrary::{Result, Unstructured};
use netsplit::{
    backend::{RankedRule, Segment, compile},
    clock::BootInstant,
    cluster::Target,
    policy::{Direction, Place, PlannedRule, Roles, parse, resolve},
};
use probe_ebpf::{
    abi::{Hook, Way},
    frames::{Frame, Network},
};

use crate::{
    model::{Outcome, outcome},
    written::{self, Scope},
};

/// The input is what a policy and a few segments are made of.
pub fn check(input: &[u8]) {
    // Too few bytes to make anything of.
    let _ = try_check(&mut Unstructured::new(input));
}

fn try_check(bytes: &mut Unstructured<'_>) -> Result<()> {
    let Ok(policy) = parse("made.toml", &written::policy(bytes, Scope::Local)?) else { return Ok(()) };
    let place = Place { cluster: None, local: Target::Local };
    let plan = resolve(&policy, &place, &Roles::default()).unwrap();
    let rules = &plan.nodes[0].rules;
    let deadlines = rules
        .iter()
        .map(|_| bytes.int_in_range(1..=3_u64).map(|ns| BootInstant { ns }))
        .collect::<Result<Vec<_>>>()?;
    let ranked: Vec<_> = (0..)
        .zip(rules.iter().zip(&deadlines))
        .map(|(counter, (rule, &deadline))| RankedRule {
            rule,
            since: BootInstant { ns: 0 },
            deadline,
            counter,
            ingress: Hook::Tc,
            bound_to: Vec::new(),
        })
        .collect();
    let tables = compile(&ranked).unwrap();
    for _ in 0..8 {
        let (segment, now) = (segment(bytes)?, BootInstant { ns: bytes.int_in_range(0..=3)? });
        let decided = tables.decide(&segment, now).map(|rank| entrants(rules)[rank]);
        let expected = first_that_decides(rules, &deadlines, &segment, now);
        assert_eq!(decided, expected, "{segment:?} at {now:?} under {rules:#?}");
    }
    Ok(())
}

/// The rule behind each rank: one that cuts both ways has two.
fn entrants(rules: &[PlannedRule]) -> Vec<usize> {
    let ways = |rule: &PlannedRule| if rule.direction == Direction::Both { 2 } else { 1 };
    rules.iter().enumerate().flat_map(|(place, rule)| vec![place; ways(rule)]).collect()
}

fn first_that_decides(
    rules: &[PlannedRule],
    deadlines: &[BootInstant],
    segment: &Segment,
    now: BootInstant,
) -> Option<usize> {
    let frame = frame(segment);
    (0..rules.len()).find(|&place| {
        let alone = &rules[place..=place];
        deadlines[place] > now && outcome(alone, &frame, segment.way, segment.loopback) != Outcome::Passes
    })
}

fn segment(bytes: &mut Unstructured<'_>) -> Result<Segment> {
    let hosts =
        ["10.0.0.1", "10.0.0.2", "10.0.0.200", "127.0.0.1", "192.0.2.1", "fd00::1", "fd00::2", "2001:db8::1"];
    let ports = [1, 5429, 5430, 5432, 5440, 5441, 8008, 40000, 65535];
    Ok(Segment {
        way: if bytes.arbitrary()? { Way::Ingress } else { Way::Egress },
        peer: bytes.choose(&hosts)?.parse().unwrap(),
        peer_port: *bytes.choose(&ports)?,
        own_port: *bytes.choose(&ports)?,
        flags: bytes.arbitrary()?,
        loopback: bytes.arbitrary()?,
    })
}

/// The same segment as a frame: what the model reads.
fn frame(segment: &Segment) -> Frame {
    let (source_port, destination_port) = match segment.way {
        Way::Ingress => (segment.peer_port, segment.own_port),
        Way::Egress => (segment.own_port, segment.peer_port),
    };
    let mut frame = Frame::tcp(source_port, destination_port, segment.flags);
    if segment.peer.is_ipv6() {
        frame = frame.over_ipv6();
    }
    match (&mut frame.network, segment.peer) {
        (Network::V4 { source, destination, .. }, IpAddr::V4(peer)) => {
            *(if segment.way == Way::Ingress { source } else { destination }) = peer.octets();
        }
        (Network::V6 { source, destination, .. }, IpAddr::V6(peer)) => {
            *(if segment.way == Way::Ingress { source } else { destination }) = peer.octets();
        }
        _ => unreachable!("the frame is of the peer's family"),
    }
    frame
}
