//! The same frames through the model and through the loaded programs get the same verdict.

use std::time::Duration;

use netsplit::{
    backend::{Backend, Capabilities, Choice, datapath::Datapath, interfaces},
    cluster::Target,
    cut::{Guard, Request},
    policy::{Direction, Narrowing, PlannedRule, PortRange, Protocol, narrow::LongerThan},
};
use probe_ebpf::{
    abi::{Observation, Way},
    decode::tcp_flag::SYN,
    frames::Frame,
};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    corpus,
    harness::{cut, in_fresh_namespace, poll_until, request, rule, run},
    model::{Outcome, outcome},
    rules::any_rule,
    test_run::Loaded,
};

/// The kernel's numbers (`linux/bpf.h`, `linux/pkt_cls.h`) for each outcome.
fn xdp(outcome: Outcome) -> u32 {
    match outcome {
        Outcome::Vanishes => 1,
        Outcome::Passes => 2,
        Outcome::Answered => 3,
    }
}

fn tc(outcome: Outcome) -> u32 {
    match outcome {
        Outcome::Passes => u32::MAX,
        Outcome::Vanishes => 2,
        Outcome::Answered => 7,
    }
}

/// A veth pair in this namespace; the index of one end.
fn cable() -> u32 {
    run("ip", &["link", "add", "a0", "type", "veth", "peer", "name", "a1"]);
    for end in ["a0", "a1"] {
        run("ip", &["link", "set", end, "up"]);
    }
    interfaces(None).unwrap().into_iter().find(|interface| interface.name == "a0").unwrap().index
}

/// Asks the loaded programs about frames under these rules, on a cable and on `lo`.
fn hold(corpus: &[Frame], rules: &[PlannedRule], choice: Choice, cable: u32) -> Result<(), TestCaseError> {
    let mut asked = request(Target::Local, rules.to_vec());
    asked.choice = choice;
    let _guard: Guard = cut(&asked);
    let told = |frame, way, loopback| outcome(rules, frame, way, loopback);
    if choice == Choice::Xdp {
        let program = Loaded::open("netsplit_xdp");
        for frame in corpus {
            let met = program.ask(&frame.bytes(), None).verdict;
            let expected = xdp(told(frame, Way::Ingress, true));
            prop_assert_eq!(met, expected, "xdp on lo: {:?} {:?}", frame, rules);
        }
        return Ok(());
    }
    for (name, way) in [("netsplit_in", Way::Ingress), ("netsplit_out", Way::Egress)] {
        let program = Loaded::find(name);
        for (frame, (ifindex, loopback)) in
            corpus.iter().flat_map(|frame| [(cable, false), (1, true)].map(|place| (frame, place)))
        {
            let expected = tc(told(frame, way, loopback));
            // What is not loaded decides nothing.
            let met = program
                .as_ref()
                .map_or(tc(Outcome::Passes), |program| program.ask(&frame.bytes(), Some(ifindex)).verdict);
            prop_assert_eq!(met, expected, "{} lo {}: {:?} {:?}", name, loopback, frame, rules);
        }
    }
    Ok(())
}

#[test]
fn the_loaded_programs_mean_what_the_policy_says() {
    let corpus = corpus::frames();
    in_fresh_namespace(|| {
        let cable = cable();
        // PROPTEST_CASES can only lower it: an emulated processor takes minutes for one.
        let cases = ProptestConfig::default().cases.min(40);
        let mut runner =
            TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..Default::default() });
        let rules = prop::collection::vec(any_rule(), 1..6);
        runner
            .run(&(rules, any::<bool>()), |(rules, by_xdp)| {
                // XDP sees arrivals only; the same rules by TC see both.
                let by_xdp =
                    by_xdp && rules.iter().all(|rule| Capabilities::of(Backend::Xdp).check(rule).is_ok());
                hold(&corpus, &rules, if by_xdp { Choice::Xdp } else { Choice::Tc }, cable)
            })
            .unwrap_or_else(|error| panic!("{error}"));
    });
}

#[test]
fn lengths_are_told_apart_to_a_byte() {
    let corpus = corpus::lengths();
    in_fresh_namespace(|| {
        let cable = cable();
        // A segment without data over IPv4, one over IPv6, one with 512 bytes over IPv4; and nearly a whole link's.
        for limit in [40, 60, 552, 1427] {
            let longer_than = Some(LongerThan(limit));
            let narrowing = Narrowing { longer_than, ..Narrowing::default() };
            let (direction, protocol) = (Direction::Both, Protocol::Any);
            let long = PlannedRule { direction, protocol, ports: vec![], narrowing, ..rule() };
            hold(&corpus, &[long], Choice::Tc, cable).unwrap_or_else(|error| panic!("{error}"));
        }
    });
}

/// A request that XDP is to enforce, also on `lo`, where `auto` leaves it to TC.
fn by_xdp(rules: Vec<PlannedRule>) -> Request {
    Request { choice: Choice::Xdp, ..request(Target::Local, rules) }
}

#[test]
fn a_deadline_ends_a_cut_without_anybodys_help() {
    in_fresh_namespace(|| {
        let mut asked = by_xdp(vec![rule()]);
        asked.lease = Duration::from_secs(3);
        let guard = cut(&asked);
        let syn = Frame::tcp(40000, 5432, SYN).bytes();
        let program = Loaded::open("netsplit_xdp");
        assert_eq!(program.ask(&syn, None).verdict, xdp(Outcome::Vanishes));
        poll_until("the lease ends the cut", Duration::from_secs(10), || {
            program.ask(&syn, None).verdict == xdp(Outcome::Passes)
        });
        let ended = guard.revert().unwrap();
        assert!(ended[0].expired);
    });
}

#[test]
fn each_cut_has_a_deadline_of_its_own() {
    in_fresh_namespace(|| {
        let on = |port, lease_ms| {
            let ports = vec![PortRange { first: port, last: port }];
            let mut asked = by_xdp(vec![PlannedRule { ports, ..rule() }]);
            asked.lease = Duration::from_millis(lease_ms);
            asked
        };
        // The short one comes last, and is long enough for a machine that has much else to do.
        let _long = cut(&on(8008, 60_000));
        let program = Loaded::open("netsplit_xdp");
        let _short = cut(&on(5432, 3_000));
        let verdict = |port| program.ask(&Frame::tcp(40000, port, SYN).bytes(), None).verdict;
        assert_eq!((verdict(5432), verdict(8008)), (1, 1));
        poll_until("the short lease ends", Duration::from_secs(10), || verdict(5432) == 2);
        assert_eq!(verdict(8008), 1);
    });
}

#[test]
fn what_cannot_be_parsed_passes_and_is_counted() {
    in_fresh_namespace(|| {
        let _guard = cut(&by_xdp(vec![PlannedRule { protocol: Protocol::Any, ports: vec![], ..rule() }]));
        let datapath = Datapath::of_this_namespace().unwrap().unwrap();
        let unparsed = || datapath.observed().unwrap()[Observation::Unparsed as usize];
        let before = unparsed();
        let program = Loaded::open("netsplit_xdp");
        let mut bytes = Frame::tcp(40000, 5432, SYN).bytes();
        assert_eq!(program.ask(&bytes, None).verdict, 1);
        bytes[14] = 0x43;
        assert_eq!(program.ask(&bytes, None).verdict, 2);
        assert_eq!(unparsed(), before + 1);
    });
}

#[test]
fn counters_tell_packets_bytes_and_moments() {
    in_fresh_namespace(|| {
        let guard = cut(&by_xdp(vec![rule()]));
        let program = Loaded::open("netsplit_xdp");
        let frame = Frame { data: 100, ..Frame::tcp(40000, 5432, SYN) }.bytes();
        let before = netsplit::clock::BootInstant::now();
        for _ in 0..3 {
            program.ask(&frame, None);
        }
        let cuts = guard.revert().unwrap();
        let rule = &cuts[0].rules[0];
        assert_eq!((rule.packets, rule.bytes), (3, 3 * frame.len() as u64));
        let (first, last) = (rule.first.unwrap(), rule.last.unwrap());
        assert!(before <= first && first <= last && last <= netsplit::clock::BootInstant::now());
    });
}

#[test]
fn hits_are_told_while_somebody_records() {
    in_fresh_namespace(|| {
        let (sender, events) = std::sync::mpsc::channel();
        let cut = netsplit::cut::apply(&by_xdp(vec![rule()])).unwrap();
        let counting =
            netsplit::observe::HitCount::start(&cut, netsplit::record::EventSink::new(sender)).unwrap();
        let _guard = Guard::new(cut);
        Loaded::open("netsplit_xdp").ask(&Frame::tcp(40000, 5432, SYN).bytes(), None);
        let event = events.recv_timeout(Duration::from_secs(5)).expect("a hit is told");
        drop(counting);
        let hit: netsplit::record::HitSummary = event.after_as().unwrap();
        assert_eq!(hit.packets, 1);
        assert_eq!(hit.example.as_deref(), Some("tcp 10.0.0.2:40000 > 10.0.0.1:5432 syn"));
    });
}
