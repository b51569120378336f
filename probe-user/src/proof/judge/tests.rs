//! Every verdict, with its reason.

use super::*;
use crate::{
    clock::BootInstant,
    cluster::Target,
    proof::{Aim, Manner, Ruling},
};

fn by() -> Ruling {
    Ruling { node: "pg1".to_owned(), rule: 0 }
}

/// An edge whose probe must meet this.
fn edge(expect: ProbeMet) -> PlannedEdge {
    let to = "10.0.0.1:5432".parse().unwrap();
    let aim = Aim {
        from: Target::Local,
        to,
        from_port: None,
        manner: Manner::Connect,
        expect,
        by: by(),
        tries: 1,
        own_hits: 1,
    };
    PlannedEdge {
        node: "pg1".to_owned(),
        rule: 0,
        action: Action::Drop,
        interfaces: Vec::new(),
        peer: "pg2".to_owned(),
        aim: Ok(aim),
    }
}

fn probe(met: ProbeMet, hits: u64, probes: u64) -> EdgeProbe {
    EdgeProbe {
        cut: "c0ffee".to_owned(),
        node: "pg1".to_owned(),
        rule: 0,
        peer: "pg2".to_owned(),
        to: "10.0.0.1:5432".parse().unwrap(),
        began: BootInstant::default(),
        met,
        hits,
        probes,
        own_hits: 1,
    }
}

fn one(planned: &PlannedEdge, probes: &[EdgeProbe], packets: u64) -> (EdgeVerdict, String) {
    let counters = [RuleHits { rule: by(), packets }];
    let mut edges = edges(std::slice::from_ref(planned), probes, &counters);
    assert_eq!(edges.len(), 1);
    let edge = edges.remove(0);
    (edge.verdict, edge.why)
}

const LATE: ProbeMet = ProbeMet::Late { least_ns: 100_000_000 };

#[test]
fn what_one_probe_proves() {
    use EdgeVerdict::{Confirmed, Leaked, NoTraffic};
    use ProbeMet::{Failed, NoWay, NobodyListens, Passes, Rejected, Reset, Silence};
    for (expect, met, hits, verdict, words) in [
        (Silence, Silence, 1, Confirmed, "met silence, and was hit"),
        (Reset, Reset, 4, Confirmed, "met a RST"),
        (Rejected, Rejected, 1, Confirmed, "met ICMP port unreachable"),
        (LATE, LATE, 1, Confirmed, "an answer as late as the rule says, and was hit"),
        (LATE, LATE, 0, Leaked, "something else is slow"),
        (LATE, Passes, 1, Leaked, "without delay; the rule was hit 1 times"),
        (LATE, Silence, 1, Leaked, "silence instead of an answer as late"),
        // The same fault, and not by the rule.
        (Silence, Silence, 0, Leaked, "packets vanish elsewhere"),
        (Reset, Reset, 0, Leaked, "somebody else answers"),
        // Another one.
        (Silence, Passes, 0, Leaked, "got through; the rule was not hit"),
        (Silence, Passes, 3, Leaked, "got through; the rule was hit 3 times"),
        (Silence, Reset, 0, Leaked, "a RST instead of silence"),
        (Rejected, Reset, 1, Leaked, "a RST instead of ICMP port unreachable"),
        (Reset, Silence, 1, Leaked, "silence instead of a RST"),
        // What proves nothing.
        (Silence, NoWay, 0, NoTraffic, "the network has no way there"),
        (Reset, NobodyListens, 0, NoTraffic, "nobody listens"),
        (Silence, Failed("no sockets".to_owned()), 0, NoTraffic, "no sockets"),
    ] {
        let (met_verdict, why) = one(&edge(expect.clone()), &[probe(met.clone(), hits, 1)], hits);
        assert_eq!(met_verdict, verdict, "{expect:?} {met:?}: {why}");
        assert!(why.contains(words), "{why}");
    }
}

#[test]
fn where_chance_decides_a_probe_that_got_through_proves_nothing() {
    let mut chance = edge(ProbeMet::Silence);
    chance.aim.as_mut().unwrap().tries = 8;
    for (met, hits, verdict) in [
        (ProbeMet::Silence, 1, EdgeVerdict::Confirmed),
        (ProbeMet::Silence, 0, EdgeVerdict::Leaked),
        (ProbeMet::Passes, 0, EdgeVerdict::NoTraffic),
        (ProbeMet::Reset, 0, EdgeVerdict::NoTraffic),
    ] {
        assert_eq!(one(&chance, &[probe(met.clone(), hits, 1)], hits).0, verdict, "{met:?}");
    }
}

#[test]
fn probes_of_a_rule_must_all_have_hit_it() {
    let silence = |hits| one(&edge(ProbeMet::Silence), &[probe(ProbeMet::Silence, hits, 3)], hits).0;
    assert_eq!([silence(2), silence(3)], [EdgeVerdict::Leaked, EdgeVerdict::Confirmed]);
}

#[test]
fn a_wrong_interface_and_a_rule_behind_another_are_told_with_the_way_out() {
    let named = PlannedEdge { interfaces: vec!["eth1".to_owned()], ..edge(ProbeMet::Silence) };
    let (_, why) = one(&named, &[probe(ProbeMet::Passes, 0, 1)], 0);
    assert!(why.contains("holds on eth1 alone") && why.contains("leave `interfaces` out"), "{why}");
    let (_, why) = one(&edge(ProbeMet::Silence), &[probe(ProbeMet::Passes, 0, 1)], 0);
    assert!(why.contains("ESTABLISHED") && why.contains("--backend xdp"), "{why}");
}

#[test]
fn an_edge_that_nobody_probed_is_known_by_its_counter_or_not_at_all() {
    use EdgeVerdict::{Confirmed, NoTraffic};
    let alone = PlannedEdge { aim: Err("no inventory".to_owned()), ..edge(ProbeMet::Silence) };
    let answers = PlannedEdge { action: Action::Reset, ..alone.clone() };
    for (edge, packets, verdict, words) in [
        (&alone, 0, NoTraffic, "nothing was hit, and no probe can be made: no inventory"),
        (&alone, 7, Confirmed, "7 packets were hit"),
        (&answers, 7, NoTraffic, "what their senders met is unknown"),
    ] {
        let (met, why) = one(edge, &[], packets);
        assert_eq!(met, verdict, "{why}");
        assert!(why.contains(words), "{why}");
    }
    // One counter cannot tell which of two was hit.
    let other = PlannedEdge { peer: "pg3".to_owned(), ..alone.clone() };
    let both = edges(&[alone, other], &[], &[RuleHits { rule: by(), packets: 7 }]);
    assert!(
        both.iter().all(|edge| edge.verdict == NoTraffic && edge.why.contains("whether here")),
        "{both:?}"
    );
}

#[test]
fn what_leaked_once_has_leaked_and_else_the_best_proof_speaks() {
    use EdgeVerdict::{Confirmed, Leaked};
    let (good, bad) = (probe(ProbeMet::Silence, 1, 1), probe(ProbeMet::Passes, 0, 1));
    let (nothing, elsewhere) =
        (probe(ProbeMet::NoWay, 0, 1), EdgeProbe { peer: "pg3".to_owned(), ..bad.clone() });
    for (probes, verdict) in [
        (vec![good.clone(), bad.clone(), good.clone()], Leaked),
        (vec![nothing.clone(), good.clone(), nothing], Confirmed),
        (vec![good, elsewhere], Confirmed),
    ] {
        assert_eq!(one(&edge(ProbeMet::Silence), &probes, 1).0, verdict, "{probes:?}");
    }
}
