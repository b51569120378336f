//! A cut is proven from the peer's side: every fault as what it is, and what is no cut as none.

use std::net::SocketAddr;

use netsplit::{
    backend::Choice,
    cluster::Inventory,
    cut::{Cut, Guard, parts_of, remember},
    observe::probe::{hits_of, probe_edges},
    policy::{Action, Direction, Flows, NodePlan, Plan, PlannedRule, PortRange, Protocol},
    proof::{Edge, EdgeVerdict, planned_edges},
};
use serde_json::Value;

use crate::{
    harness::{Pair, Told, at_once, cut, netsplit, request, rule, run},
    traffic::{Met, Server, new_connection},
};

/// The pair as a cluster of two nodes.
fn cluster(pair: &Pair, v6: bool) -> String {
    let (node, peer) = if v6 { ("fd99::1", "fd99::2") } else { ("10.99.0.1", "10.99.0.2") };
    format!(
        r#"
scope = "x"
timings = {{ ttl = 20, loop_wait = 1, retry_timeout = 3 }}
observer = {{ transport = "local" }}
postgres = {{ user = "u", password = "p", database = "d" }}
etcd = {{ endpoints = [] }}
[[node]]
name = "pg1"
transport = "netns:{}"
address = "{node}"
[[node]]
name = "pg2"
transport = "netns:{}"
address = "{peer}"
"#,
        pair.node, pair.peer
    )
}

/// Applies rules on pg1, probes its edges, and says what became of them.
fn proven(pair: &Pair, v6: bool, choice: Choice, rules: Vec<PlannedRule>) -> (Guard, Vec<Edge>) {
    let cluster = Inventory::parse(&cluster(pair, v6), "x.toml").unwrap();
    let node = NodePlan { node: "pg1".to_owned(), target: pair.node_target(), rules };
    let plan = Plan { description: String::new(), nodes: vec![node] };
    let edges = planned_edges(&plan, Some(&cluster), &[]);
    let mut asked = request(pair.node_target(), Vec::new());
    (asked.plan, asked.edges, asked.choice) = (plan, edges.clone(), choice);
    // The machine may be busy.
    asked.lease = netsplit::cut::DEFAULT_LEASE;
    let guard = cut(&asked);
    let Cut { id, .. } = guard.cut().unwrap();
    remember(id, &probe_edges(id, &edges, || hits_of(id))).unwrap();
    let cuts = parts_of(id).unwrap().into_iter();
    let known = cuts.flat_map(|cut| cut.edges).collect();
    (guard, known)
}

/// An interface of the node that no packet takes.
fn another_interface(pair: &Pair) {
    run("ip", &["-n", &pair.node, "link", "add", "eth7", "type", "veth", "peer", "name", "eth8"]);
    for name in ["eth7", "eth8"] {
        run("ip", &["-n", &pair.node, "link", "set", name, "up"]);
    }
}

fn verdicts(edges: &[Edge]) -> Vec<(&str, EdgeVerdict)> {
    edges.iter().map(|edge| (edge.peer.as_str(), edge.verdict)).collect()
}

#[test]
fn every_fault_is_confirmed_as_what_it_is() {
    use EdgeVerdict::Confirmed;
    let all: Vec<_> = [Choice::Xdp, Choice::Tc, Choice::Nft]
        .into_iter()
        .flat_map(|choice| [false, true].map(|v6| (choice, v6)))
        .flat_map(|(choice, v6)| {
            [Action::Drop, Action::Reject, Action::Reset].map(|action| (choice, v6, action))
        })
        .collect();
    at_once(&all, |&(choice, v6, action)| {
        let pair = Pair::new();
        // With somebody who listens and without: it is the cut that answers.
        for listens in [true, false] {
            let _server = listens.then(|| Server::start(&pair.node_target(), 5432));
            let (_guard, edges) = proven(&pair, v6, choice, vec![PlannedRule { action, ..rule() }]);
            let expected = [("lo", Confirmed), ("pg2", Confirmed)];
            assert_eq!(verdicts(&edges), expected, "{choice:?} {action:?} {v6} {edges:?}");
        }
    });
}

#[test]
fn the_end_of_a_connection_proves_a_cut_of_established_ones() {
    at_once(&[Action::Drop, Action::Reject, Action::Reset], |&action| {
        let pair = Pair::new();
        let established = PlannedRule { action, flows: Flows::Established, loopback: false, ..rule() };
        let server = Server::start(&pair.node_target(), 5432);
        let (guard, edges) = proven(&pair, false, Choice::Tc, vec![established.clone()]);
        assert_eq!(verdicts(&edges), [("pg2", EdgeVerdict::Confirmed)], "{action:?} {edges:?}");
        drop((guard, server));
        let (_guard, edges) = proven(&pair, false, Choice::Tc, vec![established]);
        assert_eq!(verdicts(&edges), [("pg2", EdgeVerdict::NoTraffic)], "{action:?} {edges:?}");
        assert!(edges[0].why.contains("nobody listens"), "{edges:?}");
    });
}

#[test]
fn departures_datagrams_and_the_nodes_own_connections_are_confirmed() {
    let ports = vec![PortRange { first: 5432, last: 5432 }];
    let base = PlannedRule { loopback: false, ..rule() };
    let out = PlannedRule { direction: Direction::Out, action: Action::Reset, ..base.clone() };
    let theirs = PlannedRule { ports: vec![], peer_ports: ports, ..out.clone() };
    let new = PlannedRule { flows: Flows::New, action: Action::Reset, ..base.clone() };
    let udp = PlannedRule { protocol: Protocol::Udp, ..base.clone() };
    let refused = PlannedRule { action: Action::Reject, ..udp.clone() };
    let everything = PlannedRule { protocol: Protocol::Any, ports: vec![], ..base };
    at_once(&[out, theirs, new, udp, refused, everything], |rule| {
        let pair = Pair::new();
        let (_guard, edges) = proven(&pair, false, Choice::Auto, vec![rule.clone()]);
        assert_eq!(verdicts(&edges), [("pg2", EdgeVerdict::Confirmed)], "{rule}: {edges:?}");
    });
}

#[test]
fn a_cut_on_the_wrong_interface_leaks_whatever_its_action() {
    at_once(&[Action::Drop, Action::Reject, Action::Reset], |&action| {
        let pair = Pair::new();
        another_interface(&pair);
        let wrong = PlannedRule { interfaces: vec!["eth7".into()], action, loopback: false, ..rule() };
        // A closed port answers with a RST of its own, an open one lets in.
        for listens in [false, true] {
            let _server = listens.then(|| Server::start(&pair.node_target(), 5432));
            let (_guard, edges) = proven(&pair, false, Choice::Tc, vec![wrong.clone()]);
            assert_eq!(verdicts(&edges), [("pg2", EdgeVerdict::Leaked)], "{action:?} {edges:?}");
            assert!(edges[0].why.contains("holds on eth7 alone"), "{edges:?}");
        }
    });
}

#[test]
fn what_vanishes_elsewhere_is_not_taken_for_the_cut() {
    let pair = Pair::new();
    run(
        "nsenter",
        &[
            &format!("--net=/run/netns/{}", pair.peer),
            "nft",
            "add table inet foreign; add chain inet foreign out { type filter hook output priority 0; }; \
         add rule inet foreign out tcp dport 5432 drop",
        ],
    );
    let (_guard, edges) = proven(&pair, false, Choice::Auto, vec![PlannedRule { loopback: false, ..rule() }]);
    assert_eq!(verdicts(&edges), [("pg2", EdgeVerdict::Leaked)], "{edges:?}");
    assert!(edges[0].why.contains("packets vanish elsewhere"), "{edges:?}");
}

fn json(told: &str) -> Value {
    serde_json::from_str(told).unwrap_or_else(|error| panic!("{error}: {told}"))
}

fn edges_of<'a>(cuts: &'a Value, id: &str) -> &'a Value {
    let cut = cuts.as_array().unwrap().iter().find(|cut| cut["id"] == *id).unwrap();
    &cut["edges"]
}

fn applied(told: Told, code: i32) -> (String, String) {
    assert_eq!(told.code, Some(code), "{told:?}");
    (told.out.trim().to_owned(), told.err)
}

#[test]
fn apply_and_status_tell_what_was_proven() {
    let (pair, folder) = (Pair::new(), tempfile::tempdir().unwrap());
    let inventory = folder.path().join("x.toml");
    std::fs::write(&inventory, cluster(&pair, false)).unwrap();
    let inventory = inventory.display().to_string();
    let target = pair.node_target().to_string();
    let apply = |more: &[&str]| {
        let fixed = ["apply", "--ports", "5432", "--for", "10m", "--on", &target];
        netsplit(&[&fixed[..], more].concat())
    };
    // Without an inventory nobody can be asked, and nobody is there to be hit.
    let (id, _) = applied(apply(&["--action", "drop", "--prove"]), 0);
    let status = json(&netsplit(&["status", "--format", "json"]).data());
    assert_eq!(edges_of(&status["cuts"], &id)[0]["verdict"], "no-traffic");
    // A packet of somebody's own is as good as a probe, for a drop.
    let node = SocketAddr::new(Pair::V4, 5432);
    assert_eq!(new_connection(&pair.peer_target(), node), Met::Silence);
    let status = json(&netsplit(&["status", "--format", "json"]).data());
    assert_eq!(edges_of(&status["cuts"], &id)[0]["verdict"], "confirmed");
    netsplit(&["revert", &id]).data();

    // Nobody asked for probes, so none are sent.
    let (id, said) = applied(apply(&["--action", "reset", "--cluster", &inventory]), 0);
    assert!(!said.contains("CONFIRMED"), "{said}");
    let status = json(&netsplit(&["status", "--format", "json"]).data());
    assert_eq!(edges_of(&status["cuts"], &id)[0]["verdict"], "no-traffic");
    netsplit(&["revert", &id]).data();

    let (id, said) = applied(apply(&["--action", "reset", "--cluster", &inventory, "--prove"]), 0);
    assert!(said.contains("CONFIRMED pg2 ↔ pg1 (10.99.0.1:5432): a probe met a RST"), "{said}");
    let status = netsplit(&["status"]).data();
    assert!(status.contains("1 CONFIRMED"), "{status}");
    netsplit(&["revert", &id]).data();

    // With somebody who listens and without: whoever answers does so late.
    for (listens, delay) in [(true, r#"delay="300ms""#), (false, r#"delay={time="300ms",jitter="50ms"}"#)] {
        let _server = listens.then(|| Server::start(&pair.node_target(), 5432));
        let late = ["--action", "delay", "--with", delay, "--cluster", &inventory, "--prove"];
        let (id, said) = applied(apply(&late), 0);
        assert!(
            said.contains("CONFIRMED pg2") && said.contains("an answer as late as the rule says"),
            "{said}"
        );
        netsplit(&["revert", &id]).data();
    }

    another_interface(&pair);
    let wrong = ["--action", "drop", "--cluster", &inventory, "--interfaces", "eth7", "--prove"];
    let (id, said) = applied(apply(&wrong), 4);
    assert!(said.contains("LEAKED pg2 ↔ pg1") && said.contains("holds on eth7 alone"), "{said}");
    let told = netsplit(&["status"]).data();
    assert!(told.contains("1 LEAKED") && told.contains("leave `interfaces` out"), "{told}");
    netsplit(&["revert", &id]).data();
    assert_eq!(pair.traces(), Vec::<String>::new());
}
