//! Frames over a real cable, for a backend that cannot be asked: netfilter judges only what really comes or goes.
//!
//! Frames are sent in groups that the model says the same of. Counters, the answers, and what comes to the other end
//! tell what became of a group; only where they tell another story is each of its frames sent alone.

mod cable;
mod policies;
mod story;

use std::{
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    backend::{Backend, Capabilities, Choice},
    cluster::Target,
    cut::Guard,
    policy::{Action, Direction, PlannedRule, Protocol},
};
use probe_ebpf::{
    abi::Way,
    decode::tcp_flag::{FIN, SYN},
    frames::Frame,
};
use proptest::{prelude::*, test_runner::TestRunner};
use rustix::io::Errno;

use self::{
    cable::{Cable, packet},
    policies::policies,
    story::{Story, Told, expected},
};
use crate::{
    corpus,
    harness::{cut, in_fresh_namespace, poll_until, request, rule, run},
    rules::any_rule,
};

/// How many frames are sent before it is looked what became of them: fewer than a cable's backlog holds (1,000), should the
/// machine be busy elsewhere.
const BURST: usize = 500;

/// Cuts by nft.
fn by_nft(rules: &[PlannedRule]) -> Guard {
    let mut asked = request(Target::Local, rules.to_vec());
    asked.choice = Choice::Nft;
    cut(&asked)
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
fn try_group(cable: &Cable, guard: &Guard, group: &[&Frame], wanted: &Story) -> Result<(), String> {
    let (arrived, hits) = packets(guard);
    cable.listen(&mut Story::default());
    let mut met = Story::default();
    for frame in group {
        met.refused += usize::from(cable.send(&frame.bytes()));
        cable.listen(&mut met);
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let (arrived_now, hits_now) = packets(guard);
        cable.listen(&mut met);
        // Which of its queues a frame takes is up to the cable.
        met.left.sort_unstable();
        met.arrived = arrived_now - arrived;
        met.hits = hits_now.iter().zip(&hits).map(|(now, before)| now - before).collect();
        if met == *wanted {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("{} instead of {}", met.in_short(), wanted.in_short()));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Sends all frames under a policy, and says of which groups the model tells another story.
fn disagreements(cable: &Cable, corpus: &[Frame], rules: &[PlannedRule]) -> Vec<String> {
    let guard = by_nft(rules);
    let mut groups: Vec<(Told, Vec<&Frame>)> = Vec::new();
    for frame in corpus.iter().filter(|frame| cable.carries(frame)) {
        let told = expected(rules, frame, cable.way());
        match groups.iter_mut().find(|(known, _)| *known == told) {
            Some((_, group)) => group.push(frame),
            None => groups.push((told, vec![frame])),
        }
    }
    let bursts = groups.iter().flat_map(|(told, group)| group.chunks(BURST).map(move |burst| (told, burst)));
    let wrong = bursts.filter_map(|(told, group)| {
        let ask = |group: &[&Frame]| {
            try_group(cable, &guard, group, &Story::of(group, *told, rules, cable.way())).err()
        };
        let whole = ask(group)?;
        let alone =
            group.iter().step_by(7).filter_map(|frame| Some(format!("{frame:?}: {}", ask(&[frame])?)));
        let alone = alone.take(3).collect::<Vec<_>>().join("\n");
        Some(format!("{:?} {told:?} of {rules:?}: {whole}: {alone}", cable.way()))
    });
    wrong.collect()
}

/// The corpus under each policy of the list.
fn written_policies(way: Way) {
    let corpus = corpus::frames();
    in_fresh_namespace(|| {
        let cable = Cable::new(way);
        let wrong: Vec<_> =
            policies(way).iter().flat_map(|rules| disagreements(&cable, &corpus, rules)).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    });
}

/// The corpus under policies that nobody has thought of.
fn generated_policies(way: Way) {
    let corpus = corpus::frames();
    in_fresh_namespace(|| {
        let cable = Cable::new(way);
        // PROPTEST_CASES can only lower it: an emulated processor takes long for one.
        let cases = ProptestConfig::default().cases.min(16);
        let mut runner =
            TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..Default::default() });
        let honoured = |rule: &PlannedRule| Capabilities::of(Backend::Nft).check(rule).is_ok();
        let rules = prop::collection::vec(any_rule().prop_filter("nft cannot honour it", honoured), 3..9);
        let held = runner.run(&rules, |rules| {
            let wrong = disagreements(&cable, &corpus, &rules);
            prop_assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
            Ok(())
        });
        held.unwrap_or_else(|error| panic!("{error}"));
    });
}

#[test]
fn nft_means_what_the_policy_says_of_arrivals() {
    written_policies(Way::Ingress);
}

#[test]
fn nft_means_what_the_policy_says_of_departures() {
    written_policies(Way::Egress);
}

#[test]
fn nft_means_what_generated_policies_say_of_arrivals() {
    generated_policies(Way::Ingress);
}

#[test]
fn nft_means_what_generated_policies_say_of_departures() {
    generated_policies(Way::Egress);
}

/// What is malformed behind its IP header passes, is counted, and keeps nobody from judging what is not.
fn malformed(way: Way, direction: Direction, unparsed_in: &[&str]) {
    in_fresh_namespace(|| {
        let cable = Cable::new(way);
        let guard = by_nft(&[PlannedRule { direction, protocol: Protocol::Any, ports: vec![], ..rule() }]);
        let segment = Frame::tcp(40000, 5432, SYN | FIN);
        // By family: where the TCP header begins, and which byte of the IP header is the low one of its length, with
        // that of a packet that ends within its TCP header.
        for (frame, transport, length) in
            [(segment.clone(), 34, (17, 30)), (segment.over_ipv6(), 54, (19, 10))]
        {
            let whole = frame.bytes();
            let mut short_header = whole.clone();
            // A data offset of four words.
            short_header[transport + 12] = 0x40;
            let mut truncated = whole.clone();
            truncated[length.0] = length.1;
            truncated.truncate(transport + 10);
            for bytes in [short_header, truncated, whole] {
                assert!(!cable.send(&bytes));
            }
        }
        poll_until("the whole ones are hit", Duration::from_secs(5), || packets(&guard).1 == [2]);
        for family in unparsed_in {
            let unparsed = run("nft", &["list", "counter", family, "netsplit", "unparsed"]);
            assert!(unparsed.contains("packets 4"), "{family}: {unparsed}");
        }
        if way == Way::Egress {
            let mut story = Story::default();
            poll_until("the others leave", Duration::from_secs(5), || {
                cable.listen(&mut story);
                story.left.len() == 4
            });
        }
    });
}

#[test]
fn what_cannot_be_parsed_passes_nft_too() {
    malformed(Way::Ingress, Direction::In, &["inet"]);
    // Asked at both hooks.
    malformed(Way::Egress, Direction::Out, &["inet", "netdev"]);
}

#[test]
fn what_a_packet_socket_sends_can_be_dropped_and_not_answered() {
    let segment = Frame::tcp(40000, 5432, SYN);
    in_fresh_namespace(|| {
        let cable = Cable::new(Way::Egress);
        let (full, whole) = (Some(Errno::NOBUFS), vec![packet(&segment)]);
        for (action, met, hits, left) in [(Action::Drop, full, 1, vec![]), (Action::Reset, None, 0, whole)] {
            let direction = Direction::Out;
            let guard = by_nft(&[PlannedRule { direction, action, ports: vec![], ..rule() }]);
            assert_eq!(Cable::send_around(&segment.bytes()), met);
            let mut story = Story::default();
            poll_until("the frame meets what it is to meet", Duration::from_secs(5), || {
                cable.listen(&mut story);
                packets(&guard).1 == [hits] && story.left == left
            });
            assert_eq!(story.answers, 0);
        }
    });
}
