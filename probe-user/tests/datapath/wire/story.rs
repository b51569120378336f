//! What becomes of frames, as the model and netfilter's limits have it.

use netsplit::policy::{Action, PlannedRule};
use probe_ebpf::{
    abi::Way,
    decode::protocol,
    frames::{Frame, Network, Transport},
};

use super::cable::packet;
use crate::model::{Outcome, outcome};

/// What becomes of a frame, and which rule decides it.
pub(super) type Told = (Outcome, Option<usize>);

/// What nft makes of a frame: what the model says, but for what netfilter does not see, and does not answer.
pub(super) fn expected(rules: &[PlannedRule], frame: &Frame, way: Way) -> Told {
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
    let told = |rules: &[PlannedRule]| outcome(rules, &seen, way, false);
    let decides = rules.iter().position(|rule| told(std::slice::from_ref(rule)) != Outcome::Passes);
    let outcome = match told(rules) {
        Outcome::Answered if !answers(frame) => Outcome::Vanishes,
        outcome => outcome,
    };
    (outcome, decides)
}

/// Whether the kernel's `reject` answers a frame that may be answered.
fn answers(frame: &Frame) -> bool {
    match (frame.transport, &frame.network) {
        // It takes an ICMP message of a type that it does not know (`NR_ICMP_TYPES`) for an error; and for answers, it
        // does look behind an authentication header.
        (Transport::Icmp(19..), Network::V4 { .. }) | (Transport::Icmp(..128), Network::V6 { .. }) => false,
        // Over IPv6 it wants a byte behind the headers (`reject6_csum_ok`).
        (Transport::Other(_), Network::V6 { .. }) => frame.data > 0,
        _ => true,
    }
}

/// What a group of frames meets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Story {
    /// How many came to the node's end of the cable.
    pub(super) arrived: u64,
    /// What left the node and came to the peer's end, but for answers: from the IP header on, in order.
    pub(super) left: Vec<Vec<u8>>,
    /// How many answers came to whoever sent them.
    pub(super) answers: usize,
    /// How many of them their sender was told of (EPERM).
    pub(super) refused: usize,
    /// How often each rule was hit.
    pub(super) hits: Vec<u64>,
}

impl Story {
    /// What is to be expected of frames that the same is told of.
    pub(super) fn of(group: &[&Frame], told: Told, rules: &[PlannedRule], way: Way) -> Self {
        let all = group.len();
        let mut story = Self { hits: vec![0; rules.len()], ..Self::default() };
        if let Some(rule) = told.1 {
            story.hits[rule] = u64::try_from(all).unwrap();
        }
        if told.0 == Outcome::Answered {
            story.answers = all;
        }
        if way == Way::Ingress {
            story.arrived = u64::try_from(all).unwrap();
            return story;
        }
        if told.0 == Outcome::Passes {
            story.left = group.iter().map(|frame| packet(frame)).collect();
            story.left.sort_unstable();
        }
        // What may be answered is ended at the output hook, answered or not, and the kernel tells the sender of that.
        // A drop is where nobody is told: at the egress hook.
        if told.1.is_some_and(|rule| rules[rule].action != Action::Drop) {
            story.refused = all;
        }
        story
    }

    /// In numbers, for people.
    pub(super) fn in_short(&self) -> String {
        let Self { arrived, left, answers, refused, hits } = self;
        format!("{arrived} arrived, {} left, {answers} answers, {refused} refused, hits {hits:?}", left.len())
    }
}
