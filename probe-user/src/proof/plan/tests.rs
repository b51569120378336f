//! Which edges a plan has, and what a probe on each must meet.

use std::fmt::Write;

use super::*;
use crate::{
    cluster::fakes::INVENTORY,
    policy::{Place, Policy, Roles, resolve},
    proof::Ruling,
};

fn cluster() -> Inventory {
    let mut cluster = Inventory::parse(INVENTORY, "inventory.toml").unwrap();
    for node in &mut cluster.nodes {
        node.transport = Target::Netns(node.name.clone());
    }
    cluster
}

fn plan(rules: &str, cluster: Option<&Inventory>) -> Plan {
    let read: Policy = crate::policy::parse("p.toml", &format!("description = 'x'\n{rules}")).unwrap();
    let leader = Roles { leader: Some("pg1".to_owned()), ..Roles::default() };
    resolve(&read, &Place { cluster, local: Target::Netns("db1".to_owned()) }, &leader).unwrap()
}

/// An edge a line: its ends, and its probe or why there is none.
fn told(edges: &[PlannedEdge]) -> Vec<String> {
    let line = |edge: &PlannedEdge| {
        let mut line = format!("{} {} ", edge.peer, edge.node);
        let _ = match &edge.aim {
            Err(why) => write!(line, "- {why}"),
            Ok(Aim { from, to, from_port, manner, expect, by, own_hits, tries }) => {
                let port = from_port.map(|port| format!(":{port}")).unwrap_or_default();
                let Ruling { node, rule } = by;
                write!(
                    line,
                    "{from}{port} > {to} {manner:?} {expect:?} by {node}/{rule} {own_hits}{}",
                    if *tries > 1 { " tried" } else { "" }
                )
            }
        };
        line
    };
    edges.iter().map(line).collect()
}

#[test]
fn each_rule_has_its_edges_and_each_probe_its_fate() {
    let cluster = cluster();
    for (rules, edges) in [
        // Both its peers' way in and its own.
        (
            "[[rule]]\nnode = '@leader'\nports = [5432]\naction = 'drop'\nloopback = true",
            &[
                "lo pg1 netns:pg1 > 127.0.0.1:5432 Connect Silence by pg1/0 1",
                "pg2 pg1 netns:pg2 > 10.0.0.1:5432 Connect Silence by pg1/0 1",
            ][..],
        ),
        (
            "[[rule]]\nnode = '@leader'\nports = [8008, '9000-9005']\npeers = ['pg2']\naction = 'reject'",
            &[
                "pg2 pg1 netns:pg2 > 10.0.0.1:8008 Connect Rejected by pg1/0 1",
                "pg2 pg1 netns:pg2 > 10.0.0.1:9000 Connect Rejected by pg1/0 1",
            ],
        ),
        // What leaves is the node's answer: whoever asked hears nothing, whatever the node is told.
        (
            "[[rule]]\nnode = '@leader'\ndirection = 'out'\nports = [5432]\naction = 'reset'",
            &["pg2 pg1 netns:pg2 > 10.0.0.1:5432 Connect Silence by pg1/0 6"],
        ),
        // The service is the peer's, and the node its client.
        (
            "[[rule]]\nnode = '@leader'\ndirection = 'out'\npeer_ports = [2379]\naction = 'reset'",
            &["pg2 pg1 netns:pg1 > 10.0.0.2:2379 Connect Reset by pg1/0 1"],
        ),
        (
            "[[rule]]\nnode = '@leader'\npeer_ports = [2379]\naction = 'reset'",
            &["pg2 pg1 netns:pg1 > 10.0.0.2:2379 Connect Silence by pg1/0 6"],
        ),
        // Only the end of a connection is hit on its way in; on its way out, the handshake is.
        (
            "[[rule]]\nnode = '@leader'\nports = [5432]\nflows = 'established'\naction = 'reset'",
            &["pg2 pg1 netns:pg2 > 10.0.0.1:5432 Farewell Reset by pg1/0 16"],
        ),
        (
            "[[rule]]\nnode = '@leader'\ndirection = 'both'\nports = [5432]\nflows = 'established'\naction = 'reset'",
            &["pg2 pg1 netns:pg2 > 10.0.0.1:5432 Farewell Silence by pg1/0 6"],
        ),
        // A new connection's answer is none of its packets.
        (
            "[[rule]]\nnode = '@leader'\ndirection = 'out'\nports = [5432]\nflows = 'new'\naction = 'drop'",
            &["pg2 pg1 - none of the packets that a probe may send is one that the rule names"],
        ),
        (
            "[[rule]]\nnode = '@leader'\nports = [5432]\nprotocol = 'udp'\naction = 'reject'",
            &["pg2 pg1 netns:pg2 > 10.0.0.1:5432 Datagram Rejected by pg1/0 1"],
        ),
        // Every protocol on every port, and only some clients' ports.
        (
            "[[rule]]\nnode = '@leader'\nprotocol = 'any'\naction = 'drop'",
            &["pg2 pg1 netns:pg2 > 10.0.0.1:5432 Connect Silence by pg1/0 1"],
        ),
        (
            "[[rule]]\nnode = '@leader'\nports = [5432]\npeer_ports = [700]\naction = 'drop'",
            &["pg2 pg1 netns:pg2:700 > 10.0.0.1:5432 Connect Silence by pg1/0 1"],
        ),
        // The earlier rule decides, and the first one on the way.
        (
            "[[rule]]\nnode = '@leader'\nports = [5432]\naction = 'reset'\n\
             [[rule]]\nnode = '@leader'\naction = 'drop'\nprotocol = 'any'",
            &[
                "pg2 pg1 netns:pg2 > 10.0.0.1:5432 Connect Reset by pg1/0 1",
                "pg2 pg1 netns:pg2 > 10.0.0.1:5432 Connect Reset by pg1/0 1",
            ],
        ),
        (
            "[[rule]]\nnode = '*'\ndirection = 'both'\nprotocol = 'any'\naction = 'drop'\npeers = ['*']",
            &[
                "pg2 pg1 netns:pg2 > 10.0.0.1:5432 Connect Silence by pg2/0 1",
                "pg1 pg2 netns:pg1 > 10.0.0.2:5432 Connect Silence by pg1/0 1",
            ],
        ),
        // Gray failures: what chance hits, what only the end of a connection has, and what no probe is.
        (
            "[[rule]]\nnode = '@leader'\nports = [5432]\naction = 'drop'\nprobability = 0.5",
            &["pg2 pg1 netns:pg2 > 10.0.0.1:5432 Connect Silence by pg1/0 1 tried"],
        ),
        (
            "[[rule]]\nnode = '@leader'\nports = [5432]\naction = 'drop'\ntcp_flags = ['fin']",
            &["pg2 pg1 netns:pg2 > 10.0.0.1:5432 Farewell Silence by pg1/0 16"],
        ),
        (
            "[[rule]]\nnode = '@leader'\nports = [5432]\naction = 'drop'\ntcp_flags = ['urg']",
            &["pg2 pg1 - none of the packets that a probe may send is one that the rule names"],
        ),
        (
            "[[rule]]\nnode = '@leader'\nports = [5432]\naction = 'drop'\nlonger_than = 1400\n\
             [[rule]]\nnode = '@leader'\nports = [5432]\naction = 'reset'",
            &[
                "pg2 pg1 - a probe is as short as packets are, and the rule spares such",
                "pg2 pg1 netns:pg2 > 10.0.0.1:5432 Connect Reset by pg1/1 1",
            ],
        ),
        (
            "[[rule]]\nnode = '@leader'\nports = [5432]\naction = 'duplicate'\n\
             [[rule]]\nnode = '@leader'\nports = [5432, 8008]\naction = 'reset'",
            &[
                "pg2 pg1 - what the rule does to a packet, a probe cannot see",
                "pg2 pg1 - rule 1 of pg1 lets these packets go on",
                "pg2 pg1 netns:pg2 > 10.0.0.1:8008 Connect Reset by pg1/1 1",
            ],
        ),
    ] {
        assert_eq!(told(&planned_edges(&plan(rules, Some(&cluster)), Some(&cluster), &[])), edges, "{rules}");
    }
}

#[test]
fn only_what_a_rule_names_and_a_probe_can_reach_is_probed() {
    let cluster = cluster();
    for (rules, edges) in [
        // Prefixes that no node has.
        (
            "[[rule]]\nnode = '@leader'\nports = [5432]\npeers = ['pg2', '192.0.2.0/24']\naction = 'drop'",
            &[
                "pg2 pg1 netns:pg2 > 10.0.0.1:5432 Connect Silence by pg1/0 1",
                "192.0.2.0/24 pg1 - it is no node of the inventory",
            ][..],
        ),
        (
            "[[rule]]\nnode = '@leader'\nports = [5432]\ninterfaces = ['lo']\nloopback = true\naction = 'drop'",
            &["lo pg1 netns:pg1 > 127.0.0.1:5432 Connect Silence by pg1/0 1"],
        ),
    ] {
        assert_eq!(told(&planned_edges(&plan(rules, Some(&cluster)), Some(&cluster), &[])), edges, "{rules}");
    }
}

#[test]
fn without_an_inventory_only_the_node_itself_can_be_asked() {
    let rule = "[[rule]]\nnode = 'local'\nports = [5432]\naction = 'drop'\n";
    for (more, edges) in [
        ("", &["everyone netns:db1 - no inventory says how to enter it"][..]),
        (
            "loopback = true",
            &[
                "lo netns:db1 netns:db1 > 127.0.0.1:5432 Connect Silence by netns:db1/0 1",
                "everyone netns:db1 - no inventory says how to enter it",
            ],
        ),
        (
            "peers = ['192.0.2.7', 'fd00::/64']",
            &[
                "192.0.2.7 netns:db1 - no inventory says how to enter it",
                "fd00::/64 netns:db1 - no inventory says how to enter it",
            ],
        ),
    ] {
        assert_eq!(told(&planned_edges(&plan(&format!("{rule}{more}"), None), None, &[])), edges, "{more}");
    }
}

#[test]
fn a_cut_that_was_there_before_decides_first() {
    let cluster = cluster();
    let drop = plan("[[rule]]\nnode = '@leader'\nports = [5432]\naction = 'drop'", Some(&cluster));
    let reset = plan("[[rule]]\nnode = '@leader'\nports = [5432, 8008]\naction = 'reset'", Some(&cluster));
    assert_eq!(
        told(&planned_edges(&reset, Some(&cluster), &drop.nodes)),
        [
            "pg2 pg1 - a cut that was there before decides these packets",
            "pg2 pg1 netns:pg2 > 10.0.0.1:8008 Connect Reset by pg1/0 1"
        ]
    );
}
