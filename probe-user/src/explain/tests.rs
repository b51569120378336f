use std::{collections::BTreeMap, fmt::Write, net::IpAddr};

use probe_ebpf::abi::Way;
use proptest::prelude::*;

use super::{matrix::matrix, *};
use crate::{
    cluster::{Inventory, Target},
    packet,
    policy::{NodePlan, Place, Plan, PlannedRule, Policy, Roles, parse, resolve},
};

fn inventory(nodes: u8) -> Inventory {
    let mut text = r#"
scope = "main"
[timings]
ttl = 30
loop_wait = 10
retry_timeout = 10
[observer]
transport = "local"
[postgres]
user = "postgres"
password = "x"
database = "postgres"
[etcd]
endpoints = ["http://10.88.0.20:2379"]
"#
    .to_owned();
    for number in 1..=nodes {
        let _ = write!(
            text,
            "[[node]]\nname = \"pg{number}\"\ntransport = \"netns:pg{number}\"\naddress = \"10.88.0.{}\"\n",
            10 + number
        );
    }
    Inventory::parse(&text, "x.toml").expect("a good inventory")
}

fn plan(policy: &str, cluster: Option<&Inventory>) -> Plan {
    let policy = parse("x.toml", policy).expect("a good policy");
    let roles = Roles { leader: Some("pg1".into()), ..Roles::default() };
    resolve(&policy, &Place { cluster, local: Target::Local }, &roles).expect("a plan")
}

fn pictured(
    policy: &str,
    cluster: Option<&Inventory>,
    in_force: &BTreeMap<Target, Vec<PlannedRule>>,
) -> String {
    let plan = plan(policy, cluster);
    let parties = parties(&plan, cluster);
    picture(&reach(&plan, &parties, in_force).expect("it fits"), &parties)
}

#[test]
fn a_bridge_hears_both_sides() {
    let shipped = include_str!("../../../policies/topologies/bridge.toml");
    insta::assert_snapshot!(pictured(shipped, Some(&inventory(3)), &BTreeMap::new()));
}

#[test]
fn the_dcs_is_seen_where_a_topology_names_it() {
    let shipped = include_str!("../../../policies/topologies/split.toml");
    insta::assert_snapshot!(pictured(shipped, Some(&inventory(3)), &BTreeMap::new()));
}

#[test]
fn cuts_in_force_come_first() {
    let cluster = inventory(2);
    let earlier = plan("[[rule]]\nnode = \"pg2\"\nports = [5432]\naction = \"reject\"", Some(&cluster));
    let in_force = earlier.nodes.into_iter().map(|node| (node.target, node.rules)).collect();
    let policy = "[[rule]]\nnode = \"*\"\nports = [5432]\naction = \"drop\"\nloopback = true";
    insta::assert_snapshot!(pictured(policy, Some(&cluster), &in_force));
}

#[test]
fn without_an_inventory_it_is_about_whom_the_rules_name() {
    let policy = r#"
        [[rule]]
        node = "local"
        protocol = "any"
        peers = ["10.0.0.0/8", "192.0.2.7"]
        action = "drop"
        [[rule]]
        node = "local"
        ports = [8008]
        action = "reset"
    "#;
    insta::assert_snapshot!(pictured(policy, None, &BTreeMap::new()));
}

/// What a caller meets at port 5432 of `pg1`, by the rules of `pg1`.
#[test]
fn cells_say_how_and_what_is_cut() {
    for (terms, cell) in [
        ("action = \"drop\"", "drop"),
        ("action = \"reject\"", "reject"),
        ("action = \"reset\"", "reset"),
        ("action = \"drop\"\nports = [5432]", "drop"),
        ("action = \"drop\"\nports = [8008]", "ok"),
        ("action = \"drop\"\nflows = \"new\"", "drop (new only)"),
        ("action = \"reset\"\nflows = \"established\"", "reset (established only)"),
        ("action = \"drop\"\ndirection = \"out\"", "answers dropped"),
        ("action = \"reject\"\ndirection = \"out\"\nports = [5432]", "answers rejected"),
        ("action = \"drop\"\ndirection = \"out\"\npeer_ports = [5432]", "ok"),
        ("action = \"drop\"\ndirection = \"out\"\nflows = \"new\"", "ok"),
        ("action = \"drop\"\npeers = [\"pg3\"]", "ok"),
        ("action = \"drop\"\nprotocol = \"udp\"", "ok"),
        ("action = \"drop\"\nprotocol = \"any\"", "drop"),
        ("action = \"drop\"\nlonger_than = 1400", "drop (packets longer than 1400 bytes)"),
        (
            "action = \"drop\"\nflows = \"new\"\nlonger_than = 1400",
            "drop (new only, packets longer than 1400 bytes)",
        ),
        (
            "action = \"drop\"\nlonger_than = 1400\n[[rule]]\nnode = \"pg1\"\naction = \"reset\"",
            "drop (packets longer than 1400 bytes), else reset",
        ),
        (
            "action = \"drop\"\nflows = \"new\"\n[[rule]]\nnode = \"pg1\"\naction = \"reset\"",
            "drop (new), reset (established)",
        ),
    ] {
        let cluster = inventory(3);
        let plan = plan(&format!("[[rule]]\nnode = \"pg1\"\n{terms}"), Some(&cluster));
        let parties = parties(&plan, Some(&cluster));
        let rules = plan.nodes.iter().map(|node| (node.target.clone(), node.rules.clone())).collect();
        let postgres: PlannedRule = PlannedRule::sample();
        let class = classes([&postgres].into_iter())[0];
        let matrix = matrix(&rules, &parties, class).expect("it fits");
        assert_eq!(matrix[1][0].to_string(), cell, "{terms}");
        assert_eq!(matrix[0][0].to_string(), "ok", "not on lo: {terms}");
    }
}

#[test]
fn classes_are_what_the_rules_tell_apart() {
    for (terms, expected) in [
        ("", "tcp"),
        ("ports = [5432, 8008]", "tcp 5432, tcp 8008"),
        ("ports = [5432]\npeer_ports = [\"5000-6000\"]", "tcp 5000-5431, tcp 5432, tcp 5433-6000"),
        ("protocol = \"udp\"\nports = [65535]", "udp 65535"),
        ("protocol = \"any\"", "tcp, udp, every other protocol"),
        ("protocol = \"any\"\nports = [53]", "tcp 53, udp 53"),
        ("ports = [22]\n[[rule]]\nnode = \"local\"\naction = \"drop\"", "tcp 22, tcp every other port"),
    ] {
        let plan = plan(&format!("[[rule]]\nnode = \"local\"\naction = \"reject\"\n{terms}"), None);
        let found: Vec<_> =
            classes(plan.nodes.iter().flat_map(|node| &node.rules)).iter().map(ToString::to_string).collect();
        assert_eq!(found.join(", "), expected, "{terms}");
    }
}

#[test]
fn a_packet_is_judged_where_it_leaves_and_where_it_arrives() {
    let cluster = inventory(3);
    let two = plan(
        "[[rule]]\nnode = \"pg1\"\naction = \"drop\"\n[[rule]]\nnode = \"pg2\"\naction = \"drop\"",
        Some(&cluster),
    );
    let alone = plan("[[rule]]\nnode = \"local\"\naction = \"drop\"", None);
    for (plan, cluster, packet, node, expected) in [
        (&two, Some(&cluster), "tcp 10.88.0.12:1 > 10.88.0.11:2", None, "pg2 out, pg1 in"),
        (&two, Some(&cluster), "tcp 10.88.0.12:1 > 10.88.0.11:2 in", None, "pg1 in"),
        (&two, Some(&cluster), "tcp 10.88.0.12:1 > 10.88.0.11:2 out", None, "pg2 out"),
        (&two, Some(&cluster), "tcp 10.88.0.13:1 > 10.88.0.11:2", None, "pg1 in"),
        (&two, Some(&cluster), "tcp 10.88.0.12:1 > 192.0.2.1:2", None, "pg2 out"),
        (&two, Some(&cluster), "tcp 10.88.0.11:1 > 10.88.0.11:2", None, "pg1 out, pg1 in"),
        (&two, Some(&cluster), "tcp 10.88.0.12:1 > 10.88.0.11:2", Some("pg1"), "pg1 in"),
        (&two, Some(&cluster), "tcp 127.0.0.1:1 > 127.0.0.1:2", Some("pg1"), "pg1 out, pg1 in"),
        (&two, Some(&cluster), "tcp 192.0.2.1:1 > 192.0.2.2:2", None, "--node"),
        (&two, Some(&cluster), "tcp 10.88.0.12:1 > 10.88.0.11:2", Some("pg3"), "pg1, pg2"),
        (&alone, None, "tcp 192.0.2.1:1 > 192.0.2.2:2", None, "local in"),
        (&alone, None, "tcp 192.0.2.1:1 > 192.0.2.2:2 out", None, "local out"),
    ] {
        let packet = packet::parse(packet).expect("a packet");
        let word = |way| if way == Way::Ingress { "in" } else { "out" };
        match stages(plan, cluster, &packet, node) {
            Ok(stages) => {
                let told: Vec<_> =
                    stages.iter().map(|stage| format!("{} {}", stage.node.node, word(stage.way))).collect();
                assert_eq!(told.join(", "), expected, "{packet}");
            }
            Err(error) => assert!(error.to_string().contains(expected), "{packet}: {error}"),
        }
    }
}

proptest! {
    /// Nobody calls across a split, and everybody does within a side.
    #[test]
    fn the_matrix_of_a_split_is_its_sides(sides in prop::collection::vec(0..3_usize, 2..6)) {
        let names = |side| {
            let of = sides.iter().enumerate().filter(move |(_, of)| **of == side);
            of.map(|(place, _)| format!("\"pg{}\"", place + 1)).collect::<Vec<_>>().join(", ")
        };
        let groups: Vec<String> =
            (0..3).map(names).filter(|group| !group.is_empty()).map(|group| format!("[{group}]")).collect();
        prop_assume!(groups.len() > 1);
        let cluster = inventory(u8::try_from(sides.len()).expect("a few"));
        let policy =
            format!("[[topology]]\nkind = \"split\"\ngroups = [{}]\naction = \"reset\"", groups.join(", "));
        let plan = plan(&policy, Some(&cluster));
        let parties = parties(&plan, Some(&cluster));
        let reached = reach(&plan, &parties, &BTreeMap::new()).expect("it fits");
        prop_assert_eq!(reached.len(), 1);
        for (a, row) in reached[0].after.iter().enumerate() {
            for (b, cell) in row.iter().enumerate() {
                let expected = if sides[a] == sides[b] { "ok" } else { "reset" };
                prop_assert_eq!(cell.to_string(), expected, "pg{} calls pg{}", a + 1, b + 1);
            }
        }
    }
}

#[test]
fn programs_get_the_same_matrix() {
    let cluster = inventory(2);
    let plan = plan(
        "[[topology]]\nkind = \"edge\"\nbetween = [\"pg1\", \"pg2\"]\naction = \"drop\"",
        Some(&cluster),
    );
    let parties = parties(&plan, Some(&cluster));
    let reached = reach(&plan, &parties, &BTreeMap::new()).expect("it fits");
    let all_ok = serde_json::json!({"pg1": {"pg1": "ok", "pg2": "ok"}, "pg2": {"pg1": "ok", "pg2": "ok"}});
    let cut = serde_json::json!({"pg1": {"pg1": "ok", "pg2": "drop"}, "pg2": {"pg1": "drop", "pg2": "ok"}});
    assert_eq!(
        serde_json::json!(reach_tables(&reached, &parties)),
        serde_json::json!([{"classes": ["tcp"], "before": all_ok, "after": cut}])
    );
}

#[test]
fn a_plan_of_many_prefixes_has_few_rows() {
    let peers = (0..100).map(|n| format!("10.{n}.0.0/16").parse().expect("a prefix")).collect();
    let rules = vec![PlannedRule { peers, ..PlannedRule::sample() }];
    let node = NodePlan { node: "local".into(), target: Target::Local, rules };
    let plan = Plan { description: String::new(), nodes: vec![node] };
    let parties = parties(&plan, None);
    assert_eq!(parties.len(), 9);
    assert_eq!(parties[1].address, "10.0.0.1".parse::<IpAddr>().expect("an address"));
    assert_eq!(Policy::default().part(0), "topology 1");
}
