//! Rules that hit only some of the packets that they match, where that takes a memory, dice or a clock: asked of the
//! loaded programs, packet by packet.

use std::time::{Duration, Instant};

use netsplit::{
    backend::Choice,
    clock::BootInstant,
    cluster::Target,
    cut::{Guard, Request},
    policy::{
        Action, Narrowing, PlannedRule, PortRange,
        narrow::{AboveRate, Flap, FromByte, FromPacket, LongerThan, Probability, Seed},
    },
};
use probe_ebpf::{abi::Chance, decode::tcp_flag::ACK, frames::Frame};

use crate::{
    harness::{cut, in_fresh_namespace, request, rule},
    test_run::Loaded,
};

/// Each hook's program, how it is asked, and its number for a drop (`linux/bpf.h`, `linux/pkt_cls.h`).
const HOOKS: [(Choice, &str, Option<u32>, u32); 2] =
    [(Choice::Xdp, "netsplit_xdp", None, 1), (Choice::Tc, "netsplit_in", Some(1), 2)];

fn narrowed(narrowing: Narrowing) -> PlannedRule {
    PlannedRule { narrowing, ..rule() }
}

/// Puts rules in force by each hook in turn, and hands over who can be asked whether a frame is dropped.
fn by_each_hook(rules: &[PlannedRule], test: impl Fn(&Guard, &dyn Fn(&Frame) -> bool) + Sync) {
    for (choice, program, ifindex, dropped) in HOOKS {
        in_fresh_namespace(|| {
            let guard = cut(&Request { choice, ..request(Target::Local, rules.to_vec()) });
            let program = Loaded::open(program);
            test(&guard, &|frame| program.ask(&frame.bytes(), ifindex).verdict == dropped);
        });
    }
}

fn segment(port: u16) -> Frame {
    Frame::tcp(port, 5432, ACK)
}

#[test]
fn the_seed_decides_every_packets_fate() {
    let narrowing =
        Narrowing { probability: Probability::new(0.3), seed: Some(Seed(7)), ..Narrowing::default() };
    let sieve = narrowing.sieve();
    let chance = Chance { seed: 7, of_2_32: sieve.chance.of_2_32 };
    let expected: Vec<bool> = (0..500).map(|throws| chance.hits(throws)).collect();
    assert!(expected.iter().filter(|hit| **hit).count() > 100, "some are hit");
    by_each_hook(&[narrowed(narrowing)], |_, is_dropped| {
        let met: Vec<bool> = (0..500).map(|_| is_dropped(&segment(40000))).collect();
        assert_eq!(met, expected, "the same seed, the same losses");
    });
}

#[test]
fn chance_without_a_seed_gets_one_that_is_told() {
    let chance = Narrowing { probability: Probability::new(0.5), ..Narrowing::default() };
    by_each_hook(&[narrowed(chance)], |guard, is_dropped| {
        let told = guard.cut().unwrap().nodes[0].rules[0].rule.narrowing.clone();
        let Seed(seed) = told.seed.expect("a seed to repeat the run with");
        let chance = Chance { seed, of_2_32: told.sieve().chance.of_2_32 };
        for throws in 0..100 {
            assert_eq!(is_dropped(&segment(40000)), chance.hits(throws), "{throws}");
        }
    });
}

#[test]
fn flows_are_counted_each_by_itself() {
    let from_third = Narrowing { from_packet: Some(FromPacket(3)), ..Narrowing::default() };
    by_each_hook(&[narrowed(from_third)], |_, is_dropped| {
        let mut met = Vec::new();
        for port in [40000, 40001, 40000, 40000, 40001, 40000, 40001] {
            met.push(is_dropped(&segment(port)));
        }
        assert_eq!(met, [false, false, false, true, false, true, true]);
    });
}

#[test]
fn bytes_of_a_flow_count_from_the_ip_header_on() {
    // A segment without data has 40 bytes: the third one holds the hundredth.
    let from_byte = Narrowing { from_byte: Some(FromByte(100)), ..Narrowing::default() };
    by_each_hook(&[narrowed(from_byte)], |_, is_dropped| {
        let met: Vec<bool> = (0..4).map(|_| is_dropped(&segment(40000))).collect();
        assert_eq!(met, [false, false, true, true]);
    });
}

#[test]
fn a_new_cut_counts_flows_anew() {
    let from_second = Narrowing { from_packet: Some(FromPacket(2)), ..Narrowing::default() };
    in_fresh_namespace(|| {
        // Keeps the datapath, and so what it remembers.
        let other = PlannedRule { ports: vec![PortRange { first: 1, last: 1 }], ..rule() };
        let _other = cut(&Request { choice: Choice::Tc, ..request(Target::Local, vec![other]) });
        for _ in 0..2 {
            let again = vec![narrowed(from_second.clone())];
            let _guard = cut(&Request { choice: Choice::Tc, ..request(Target::Local, again) });
            let program = Loaded::open("netsplit_in");
            let dropped = || program.ask(&segment(40000).bytes(), Some(1)).verdict == 2;
            assert_eq!([dropped(), dropped()], [false, true]);
        }
    });
}

#[test]
fn what_exceeds_the_rate_is_hit() {
    // 320 bytes a second, 80 at once: two segments of 40 bytes, and then eight a second.
    let pace = Narrowing {
        above_rate: Some(AboveRate { bits_per_second: 2_560, burst_bytes: 80 }),
        ..Narrowing::default()
    };
    by_each_hook(&[narrowed(pace)], |_, is_dropped| {
        let begun = Instant::now();
        let mut passed = 0;
        while begun.elapsed() < Duration::from_secs(2) {
            passed += u32::from(!is_dropped(&segment(40000)));
        }
        // Sixteen in two seconds, and the burst; a machine that stops for a moment saves up no more than that.
        assert!((12..=19).contains(&passed), "{passed}");
    });
}

#[test]
fn a_rule_flaps_by_the_kernels_clock() {
    const PERIOD: Duration = Duration::from_millis(400);
    let flap = Flap { period_ns: 400_000_000, on_ns: 100_000_000 };
    let narrowing = Narrowing { flap: Some(flap), ..Narrowing::default() };
    by_each_hook(&[narrowed(narrowing)], |guard, is_dropped| {
        let cut = guard.cut().unwrap();
        let lease = request(Target::Local, Vec::new()).lease;
        let since_ns = cut.deadline.ns - u64::try_from(lease.as_nanos()).unwrap();
        let (mut on, mut off) = (0, 0);
        let until = BootInstant::now() + PERIOD * 5;
        while BootInstant::now() < until {
            let before = (BootInstant::now().ns - since_ns) % flap.period_ns;
            let dropped = is_dropped(&segment(40000));
            let after = (BootInstant::now().ns - since_ns) % flap.period_ns;
            if before > after || (before < flap.on_ns) != (after < flap.on_ns) {
                continue;
            }
            assert_eq!(dropped, after < flap.on_ns, "{after} ns into the period");
            if dropped { on += 1 } else { off += 1 }
        }
        assert!(on > 0 && off > 0, "{on} on, {off} off");
    });
}

#[test]
fn what_a_narrowed_rule_leaves_the_next_rule_gets() {
    let long = Narrowing { longer_than: Some(LongerThan(100)), ..Narrowing::default() };
    let rules = [PlannedRule { narrowing: long, action: Action::Reset, ..rule() }, rule()];
    in_fresh_namespace(|| {
        let _guard = cut(&Request { choice: Choice::Tc, ..request(Target::Local, rules.to_vec()) });
        let program = Loaded::open("netsplit_in");
        let verdict = |frame: &Frame| program.ask(&frame.bytes(), Some(1)).verdict;
        assert_eq!(verdict(&segment(40000)), 2, "a short one is dropped by the second rule");
        assert_eq!(verdict(&Frame { data: 100, ..segment(40000) }), 7, "a long one is answered by the first");
    });
}
