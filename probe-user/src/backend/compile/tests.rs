use probe_ebpf::decode::tcp_flag::SYN;

use super::*;
use crate::backend::Segment;

fn rule(ports: &[(u16, u16)], peers: &[&str]) -> PlannedRule {
    PlannedRule {
        ports: ports.iter().map(|&(first, last)| PortRange { first, last }).collect(),
        peers: peers.iter().map(|peer| peer.parse().unwrap()).collect(),
        loopback: false,
        ..PlannedRule::sample()
    }
}

fn ranked(rule: &PlannedRule, deadline_ns: u64) -> RankedRule<'_> {
    RankedRule {
        rule,
        since: BootInstant::default(),
        deadline: BootInstant { ns: deadline_ns },
        counter: 0,
        ingress: Hook::Xdp,
        bound_to: Vec::new(),
    }
}

fn tables(rules: &[PlannedRule]) -> Tables {
    compile(&rules.iter().map(|rule| ranked(rule, 1000)).collect::<Vec<_>>()).unwrap()
}

fn decided(tables: &Tables, port: u16, peer: &str, now_ns: u64) -> Option<usize> {
    let segment = Segment {
        way: Way::Ingress,
        peer: peer.parse().unwrap(),
        peer_port: 40000,
        own_port: port,
        flags: SYN,
        loopback: false,
    };
    tables.decide(&segment, BootInstant { ns: now_ns })
}

#[test]
fn ports_that_the_same_rules_name_share_a_class() {
    let tables = tables(&[rule(&[(5432, 5440)], &[]), rule(&[(5435, 5450)], &[]), rule(&[(1, 65535)], &[])]);
    let class = |port: usize| tables.ruleset.own_class[port];
    assert_eq!(class(5432), class(5434));
    assert_eq!(class(5435), class(5440));
    assert_eq!(class(1), class(65535));
    let classes: std::collections::BTreeSet<_> = tables.ruleset.own_class.iter().collect();
    assert_eq!(classes.len(), 5, "none, all, the first, both, the second");
    assert_eq!(decided(&tables, 5436, "10.0.0.2", 0), Some(0));
    assert_eq!(decided(&tables, 5450, "10.0.0.2", 0), Some(1));
    assert_eq!(decided(&tables, 5451, "10.0.0.2", 0), Some(2));
}

#[test]
fn a_prefix_knows_the_rules_of_those_around_it() {
    let rules = [
        rule(&[], &["10.0.0.0/8"]),
        rule(&[], &["10.1.0.0/16"]),
        rule(&[], &["0.0.0.0/0"]),
        rule(&[], &["::/0"]),
    ];
    let tables = tables(&rules);
    for (peer, rank) in [
        ("10.1.2.3", Some(0)),
        ("10.2.2.3", Some(0)),
        ("192.0.2.1", Some(2)),
        ("fd00::1", Some(3)),
        ("::1", Some(3)),
    ] {
        assert_eq!(decided(&tables, 5432, peer, 0), rank, "{peer}");
    }
}

#[test]
fn a_rule_for_ipv6_alone_leaves_ipv4_alone() {
    for prefix in ["::/0", "::/64", "::/1"] {
        let tables = tables(&[rule(&[], &[prefix])]);
        assert_eq!(decided(&tables, 5432, "10.0.0.2", 0), None, "{prefix}");
    }
}

#[test]
fn the_first_rule_decides_until_its_deadline() {
    let rules = [rule(&[(5432, 5432)], &[]), rule(&[(5432, 5432)], &[]), rule(&[(5432, 5432)], &[])];
    let ranked: Vec<_> = rules.iter().zip([100, 300, 200]).map(|(rule, at)| ranked(rule, at)).collect();
    let tables = compile(&ranked).unwrap();
    for (now_ns, rank) in [(0, Some(0)), (99, Some(0)), (100, Some(1)), (299, Some(1)), (300, None)] {
        assert_eq!(decided(&tables, 5432, "10.0.0.2", now_ns), rank, "at {now_ns}");
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let one = rule(&[], &[]);
    let many: Vec<_> = (0..257).map(|_| ranked(&one, 1)).collect();
    assert_eq!(compile(&many).err(), Some(CompileError::TooManyRules(257)));
    let both = PlannedRule { direction: Direction::Both, ..one.clone() };
    let many: Vec<_> = (0..129).map(|_| ranked(&both, 1)).collect();
    assert_eq!(compile(&many).err(), Some(CompileError::TooManyRules(258)));
    let many: Vec<_> = (0..256).map(|at| ranked(&one, at)).collect();
    assert_eq!(compile(&many).err(), Some(CompileError::TooManyDeadlines(256)));
    // Windows that slide over one another, eight times with another width: each step is a set of its own.
    let windows = |n: u16| (0..8).map(|k| (k * 1000 + n + 1, k * 1000 + n + 60 + 10 * k)).collect::<Vec<_>>();
    let sliding: Vec<_> = (0..250).map(|n| rule(&windows(n), &[])).collect();
    let many: Vec<_> = sliding.iter().map(|rule| ranked(rule, 1)).collect();
    assert!(matches!(compile(&many).err(), Some(CompileError::TooManyPorts(1025..))));
}
