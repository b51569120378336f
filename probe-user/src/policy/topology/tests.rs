use std::{collections::BTreeSet, fmt::Write, net::Ipv4Addr, path::Path};

use proptest::prelude::*;

use super::*;
use crate::{
    cluster::{EtcdEndpoints, HaproxyEndpoints, Inventory, Node, Observer, Postgres, Target, Timings},
    document::tests::drawn,
    policy::*,
};

const DCS: &str = "10.88.0.20";

/// A cluster of `pg1` and so on, with its DCS and load balancer on hosts of their own.
fn cluster(nodes: u8) -> Inventory {
    let node = |number: u8| Node {
        name: format!("pg{number}"),
        transport: Target::Netns(format!("lab-pg{number}")),
        address: Ipv4Addr::new(10, 88, 0, 10 + number).into(),
        postgres_port: 5432,
        rest_port: 8008,
        socket_dir: None,
        data_dir: None,
        patroni_log: None,
    };
    let haproxy = |port| (Ipv4Addr::new(10, 88, 0, 30), port).into();
    Inventory {
        protect: Vec::new(),
        scope: "demo".into(),
        namespace: "/service/".into(),
        timings: Timings { ttl: 30, loop_wait: 10, retry_timeout: 10 },
        observer: Observer { transport: Target::Local },
        postgres: Postgres { user: "u".into(), password: "p".into(), database: "d".into() },
        etcd: EtcdEndpoints { endpoints: vec![format!("http://{DCS}:2379")] },
        haproxy: Some(HaproxyEndpoints {
            primary: haproxy(5000),
            replica: haproxy(5001),
            stats_socket: "haproxy.sock".into(),
            proxies: [].into(),
        }),
        lab: None,
        nodes: (1..=nodes).map(node).collect(),
    }
}

fn roles() -> Roles {
    Roles { leader: Some("pg1".into()), ..Roles::default() }
}

fn plan_of(policy: &Policy, cluster: &Inventory) -> Result<Plan, ResolveError> {
    resolve(policy, &Place { cluster: Some(cluster), local: Target::Local }, &roles())
}

fn plan(topology: &str, nodes: u8) -> Result<Plan, ResolveError> {
    let text = format!("[[topology]]\n{topology}\naction = \"drop\"\n");
    let policy = parse("test.toml", &text).unwrap_or_else(|rejected| panic!("{}", drawn(&rejected)));
    plan_of(&policy, &cluster(nodes))
}

/// `pg1 < pg2 dcs`: whom each node hears no more; `dcs > pg1`: what a node no longer sends to somebody outside.
fn outline(plan: &Plan) -> String {
    let name = |prefix: &ipnet::IpNet| match Peer::Prefix(*prefix).to_string().as_str() {
        DCS => "dcs".to_owned(),
        "10.88.0.30" => "ha".to_owned(),
        "127.0.0.0/8" => "lo4".to_owned(),
        "::1" => "lo6".to_owned(),
        other => other.replace("10.88.0.1", "pg"),
    };
    let line = |node: &NodePlan, rule: &PlannedRule| {
        let peers: Vec<_> = rule.peers.iter().map(name).collect();
        let way = if rule.direction == Direction::In { '<' } else { '>' };
        format!("{} {way} {}", node.node, peers.join(" "))
    };
    let lines = plan.nodes.iter().flat_map(|node| node.rules.iter().map(move |rule| line(node, rule)));
    lines.collect::<Vec<_>>().join("; ")
}

#[test]
fn shapes_say_who_hears_whom_no_more() {
    for (topology, nodes, expected) in [
        (
            "kind = \"split\"\ngroups = [[\"pg1\"], [\"pg2\", \"pg3\"]]",
            3,
            "pg1 < pg2 pg3; pg2 < pg1; pg3 < pg1",
        ),
        (
            "kind = \"split\"\ngroups = [\"@leader\", \"@any-replica\", \"@other-replica\"]",
            3,
            "pg1 < pg2 pg3; pg2 < pg1 pg3; pg3 < pg1 pg2",
        ),
        (
            "kind = \"split\"\ngroups = [[\"@leader\", \"@haproxy\"], [\"@replica\"]]",
            3,
            "pg1 < pg2 pg3; pg2 < pg1 ha; pg2 > ha; pg3 < pg1 ha; pg3 > ha",
        ),
        ("kind = \"isolate\"\nnode = \"@leader\"", 3, "pg1 < pg2 pg3; pg2 < pg1; pg3 < pg1"),
        (
            "kind = \"isolate\"\nnode = \"@leader\"\nloopback = true",
            3,
            "pg1 < pg2 pg3 pg1 lo4 lo6; pg2 < pg1 pg2 lo4 lo6; pg3 < pg1 pg3 lo4 lo6",
        ),
        ("kind = \"isolate\"\nnode = \"pg2\"\nfrom = \"@dcs\"", 3, "pg2 < dcs; pg2 > dcs"),
        (
            "kind = \"isolate\"\nnode = \"pg2\"\nfrom = [\"*\", \"@dcs\"]",
            3,
            "pg1 < pg2; pg2 < pg1 pg3 dcs; pg2 > dcs; pg3 < pg2",
        ),
        ("kind = \"majority\"\nminority = \"@leader\"", 3, "pg1 < pg2 pg3; pg2 < pg1; pg3 < pg1"),
        ("kind = \"majority\"\nkeep = \"@leader\"", 3, "pg1 < pg2; pg2 < pg1 pg3; pg3 < pg2"),
        (
            "kind = \"majority\"\nkeep = [\"@leader\", \"pg2\"]",
            5,
            "pg1 < pg3 pg4; pg2 < pg3 pg4; pg3 < pg1 pg2 pg5; pg4 < pg1 pg2 pg5; pg5 < pg3 pg4",
        ),
        (
            "kind = \"majority\"\nminority = [\"pg1\"]\nkeep = \"@dcs\"",
            3,
            "pg1 < pg2 pg3 dcs; pg1 > dcs; pg2 < pg1; pg3 < pg1",
        ),
        (
            "kind = \"bridge\"\nnode = \"pg3\"\ngroups = [[\"pg1\", \"pg2\"], [\"pg4\", \"pg5\"]]",
            5,
            "pg1 < pg4 pg5; pg2 < pg4 pg5; pg4 < pg1 pg2; pg5 < pg1 pg2",
        ),
        ("kind = \"ring\"", 4, "pg1 < pg3; pg2 < pg4; pg3 < pg1; pg4 < pg2"),
        (
            "kind = \"ring\"\nnodes = [\"pg1\", \"pg3\", \"pg2\", \"@dcs\"]",
            3,
            "pg1 < pg2; pg2 < pg1; pg3 < dcs; pg3 > dcs",
        ),
        ("kind = \"one-way\"\nfrom = \"@leader\"\nto = \"@replica\"", 3, "pg2 < pg1; pg3 < pg1"),
        ("kind = \"one-way\"\nfrom = \"@leader\"\nto = \"@dcs\"", 3, "pg1 > dcs"),
        ("kind = \"one-way\"\nfrom = \"192.0.2.0/24\"\nto = \"@leader\"", 3, "pg1 < 192.0.2.0/24"),
        ("kind = \"edge\"\nbetween = [\"pg1\", \"10.88.0.12\"]", 3, "pg1 < pg2; pg2 < pg1"),
    ] {
        let plan = plan(topology, nodes).unwrap_or_else(|error| panic!("{topology}: {error}"));
        assert_eq!(outline(&plan), expected, "{topology}");
    }
}

#[test]
fn a_topology_is_cut_as_its_terms_say() {
    let text = r#"
        [[rule]]
        node = "pg1"
        ports = [22]
        action = "reset"
        [[topology]]
        kind = "edge"
        between = ["pg1", "@dcs"]
        ports = ["2379-2380"]
        peer_ports = [7]
        flows = "new"
        interfaces = ["eth0"]
        action = "reset"
    "#;
    let plan = plan_of(&parse("x", text).expect("a good policy"), &cluster(3)).expect("a plan");
    let lines: Vec<_> = plan.nodes[0].rules.iter().map(|rule| format!("{} {rule}", rule.origin)).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    0 in tcp 22 from everyone: reset
    1 in tcp 2379-2380 from 10.88.0.20 port 7, new connections: reset
    1 out tcp 7 to 10.88.0.20 port 2379-2380, new connections: reset
    ");
    assert!(plan.nodes[0].rules[1..].iter().all(|rule| rule.interfaces == ["eth0"]));
    assert_eq!(plan.nodes.len(), 1);
}

#[test]
fn what_has_no_shape_says_the_way_out() {
    let mut told = String::new();
    for (topology, nodes) in [
        ("kind = \"split\"\ngroups = [\"@leader\", [\"pg1\", \"@replica\"]]", 3),
        ("kind = \"split\"\ngroups = [\"@leader\", \"pg2\"]", 3),
        ("kind = \"split\"\ngroups = [\"@leader\", \"@sync\"]", 3),
        ("kind = \"split\"\ngroups = [\"*\", \"10.88.0.0/16\"]", 3),
        ("kind = \"split\"\ngroups = [[\"*\", \"@dcs\"], \"@haproxy\"]", 3),
        ("kind = \"isolate\"\nnode = \"@replica\"", 3),
        ("kind = \"isolate\"\nnode = \"pg1\"", 1),
        ("kind = \"majority\"\nminority = [\"pg1\"]", 2),
        ("kind = \"majority\"\nkeep = \"*\"", 3),
        ("kind = \"bridge\"\nnode = \"pg1\"\ngroups = [\"@leader\", \"@replica\"]", 3),
        ("kind = \"bridge\"\nnode = \"pg1\"\ngroups = [\"pg2\", \"pg3\"]", 4),
        ("kind = \"ring\"", 2),
        ("kind = \"ring\"", 3),
        ("kind = \"edge\"\nbetween = [\"pg1\", \"@replica\"]", 3),
        ("kind = \"one-way\"\nfrom = \"pg9\"\nto = \"pg1\"", 3),
    ] {
        let error = plan(topology, nodes).expect_err(topology);
        let _ = write!(told, "{error}\n    {}\n", error.way_out());
    }
    let named = parse("x", "[[topology]]\nkind = \"edge\"\nbetween = [\"pg1\", \"@dcs\"]\naction = \"drop\"");
    let mut cluster = cluster(3);
    cluster.etcd.endpoints = vec!["http://etcd:2379".into()];
    let error = plan_of(&named.expect("a good policy"), &cluster).expect_err("a name");
    let _ = write!(told, "{error}\n    {}\n", error.way_out());
    insta::assert_snapshot!(told);
}

#[test]
fn etcd_on_the_nodes_is_the_nodes() {
    let mut cluster = cluster(3);
    cluster.etcd.endpoints = (11..14).map(|last| format!("http://10.88.0.{last}:2379")).collect();
    let text = "[[topology]]\nkind = \"majority\"\nkeep = [\"pg1\", \"@dcs\"]\naction = \"drop\"";
    let plan = plan_of(&parse("x", text).expect("a good policy"), &cluster).expect("a plan");
    assert_eq!(outline(&plan), "pg1 < pg2; pg2 < pg1 pg3; pg3 < pg2");
}

#[test]
fn mistakes_are_told_at_their_place() {
    let text = r#"
[[topology]]
kind = "spilt"
groups = [["pg1"], ["pg2"]]
action = "drop"

[[topology]]
kind = "split"
groups = [["pg1", "local"], ["pg2", "pg1"], []]
direction = "in"
action = "drop"

[[topology]]
kind = "split"
groups = [["pg1"]]

[[topology]]
kind = "isolate"
node = "*"
action = "reset"
protocol = "udp"

[[topology]]
kind = "isolate"
node = "pg1"
from = ["@leader", "pg1"]
action = "drop"

[[topology]]
kind = "majority"
action = "drop"

[[topology]]
kind = "bridge"
groups = [["pg1"], ["pg2"], ["pg3"]]
action = "drop"

[[topology]]
kind = "ring"
nodes = ["pg1", "pg2"]
action = "drop"

[[topology]]
kind = "one-way"
from = ["@primary"]
action = "drop"

[[topology]]
kind = "edge"
between = ["pg1", "pg2", "pg3"]
action = "drop"
"#;
    insta::assert_snapshot!(drawn(&parse("topologies.toml", text).expect_err("mistakes")));
}

/// The policies that netsplit ships, in a lab of three nodes with its leader first.
#[test]
fn the_shipped_topologies_do_what_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/topologies");
    let expected = [
        ("bridge", "pg1 < pg3; pg3 < pg1"),
        ("edge", "pg1 < dcs; pg1 > dcs"),
        ("edge-5432", "pg1 < pg2; pg2 < pg1"),
        ("isolate-replica", "pg1 < pg2; pg2 < pg1 pg3 dcs; pg2 > dcs; pg3 < pg2"),
        ("majority-with-leader", "pg1 < pg2; pg2 < pg1 pg3 dcs; pg2 > dcs; pg3 < pg2"),
        ("one-way", "pg2 < pg1; pg3 < pg1"),
        ("ring", "pg1 < pg3; pg2 < dcs; pg2 > dcs; pg3 < pg1"),
        ("split", "pg1 < pg2 pg3 dcs; pg1 > dcs; pg2 < pg1; pg3 < pg1"),
    ];
    let shipped: BTreeSet<_> = std::fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("a file").path().file_stem().expect("a name").to_owned())
        .collect();
    assert_eq!(shipped, expected.iter().map(|(name, _)| (*name).into()).collect());
    for (name, edges) in expected {
        let policy = Policy::load(&folder.join(name).with_extension("toml")).expect("a good policy");
        assert!(policy.needs_cluster() && policy.needs_roles() && !policy.names_local(), "{name}");
        let plan = plan_of(&policy, &cluster(3)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(outline(&plan), edges, "{name}");
    }
}

/// Each node's group, by number.
fn groups() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..4_usize, 2..8)
}

fn members(groups: &[usize], group: usize) -> Vec<Member> {
    let name = |place: usize| Member::Node(NodeSelector::Name(format!("pg{}", place + 1)));
    groups.iter().enumerate().filter(|(_, of)| **of == group).map(|(place, _)| name(place)).collect()
}

pub(super) fn with(shape: Shape, loopback: bool) -> Policy {
    let text = format!("[[rule]]\nnode = \"*\"\naction = \"drop\"\nloopback = {loopback}");
    let how = parse("x", &text).expect("a good policy").rules.remove(0);
    Policy { topologies: vec![Topology { shape, how }], ..Policy::default() }
}

/// Whether the first node's plan keeps it from hearing the second.
fn deaf(plan: &Plan, cluster: &Inventory, hearer: usize, other: usize) -> bool {
    let address = cluster.nodes[other].address;
    let node = plan.nodes.iter().find(|node| node.node == cluster.nodes[hearer].name);
    node.is_some_and(|node| {
        node.rules.iter().any(|rule| rule.peers.iter().any(|peer| peer.contains(&address)))
    })
}

proptest! {
    #[test]
    fn a_split_is_complete_symmetric_and_leaves_everyone_to_themselves(
        groups in groups(),
        loopback in any::<bool>(),
    ) {
        let sides: Vec<_> = (0..4).map(|group| members(&groups, group)).filter(|side| !side.is_empty()).collect();
        prop_assume!(sides.len() > 1);
        let cluster = cluster(u8::try_from(groups.len()).expect("a few"));
        let policy = with(Shape::Split { groups: sides }, loopback);
        let plan = plan_of(&policy, &cluster).expect("a plan");
        for a in 0..groups.len() {
            for b in 0..groups.len() {
                let cut = if a == b { loopback } else { groups[a] != groups[b] };
                prop_assert_eq!(deaf(&plan, &cluster, a, b), cut, "pg{} hears pg{}", a + 1, b + 1);
            }
        }
        prop_assert!(plan.nodes.iter().flat_map(|node| &node.rules).all(|rule| rule.direction == Direction::In));
    }

    #[test]
    fn a_majority_is_one(nodes in 2..8_usize, kept in 0..8_usize) {
        let cluster = cluster(u8::try_from(nodes).expect("a few"));
        let kept = kept % nodes;
        let keep = vec![Member::Node(NodeSelector::Name(cluster.nodes[kept].name.clone()))];
        let plan = plan_of(&with(Shape::Majority { minority: vec![], keep }, false), &cluster);
        let Ok(plan) = plan else {
            prop_assert_eq!(nodes, 2, "of two nodes, none is a minority");
            return Ok(());
        };
        let on_its_side = (0..nodes).filter(|other| !deaf(&plan, &cluster, kept, *other)).count();
        prop_assert!(2 * on_its_side > nodes && 2 * (on_its_side - 1) <= nodes, "{} of {}", on_its_side, nodes);
    }

    #[test]
    fn a_bridge_hears_both_and_is_heard(groups in prop::collection::vec(0..2_usize, 2..7)) {
        let bridge = groups.len();
        let sides = vec![members(&groups, 0), members(&groups, 1)];
        prop_assume!(sides.iter().all(|side| !side.is_empty()));
        let cluster = cluster(u8::try_from(bridge + 1).expect("a few"));
        let node = NodeSelector::Name(cluster.nodes[bridge].name.clone());
        let plan = plan_of(&with(Shape::Bridge { node, groups: sides }, false), &cluster).expect("a plan");
        for a in 0..bridge {
            prop_assert!(!deaf(&plan, &cluster, bridge, a) && !deaf(&plan, &cluster, a, bridge));
            for b in 0..bridge {
                prop_assert_eq!(deaf(&plan, &cluster, a, b), groups[a] != groups[b]);
            }
        }
    }
}
