use std::net::IpAddr;

use ipnet::IpNet;
use proptest::prelude::*;

use super::{Place, ResolveError, resolve};
use crate::{
    cluster::{EtcdEndpoints, Inventory, Node, Observer, Postgres, Target, Timings},
    document::tests::drawn,
    policy::*,
};

fn node(name: &str, address: &str) -> Node {
    Node {
        name: name.into(),
        transport: Target::Netns(format!("lab-{name}")),
        address: address.parse().expect("an address"),
        postgres_port: 5432,
        rest_port: 8008,
        socket_dir: None,
        data_dir: None,
        patroni_log: None,
    }
}

/// Not sorted by name: the plan keeps the inventory's order, `@any` goes by name.
fn cluster() -> Inventory {
    Inventory {
        scope: "demo".into(),
        namespace: "/service/".into(),
        protect: Vec::new(),
        timings: Timings { ttl: 30, loop_wait: 10, retry_timeout: 10 },
        observer: Observer { transport: Target::Local },
        postgres: Postgres { user: "u".into(), password: "p".into(), database: "d".into() },
        etcd: EtcdEndpoints { endpoints: vec![] },
        haproxy: None,
        lab: None,
        nodes: vec![node("pg2", "10.88.0.12"), node("pg1", "10.88.0.11"), node("pg3", "fd00::13")],
    }
}

fn roles() -> Roles {
    Roles { leader: Some("pg1".into()), sync: ["pg3".to_owned()].into(), replicas: None }
}

fn in_cluster(rules: &str) -> Result<Plan, ResolveError> {
    let policy = parse("test.toml", rules).unwrap_or_else(|rejected| panic!("{}", drawn(&rejected)));
    let cluster = cluster();
    let place = Place { cluster: Some(&cluster), local: Target::Netns("elsewhere".into()) };
    resolve(&policy, &place, &roles())
}

/// `node: peers` for each rule of the plan, `*` for everyone.
fn outline(plan: &Plan) -> Vec<String> {
    let line = |node: &NodePlan, rule: &PlannedRule| {
        let peers: Vec<_> = rule.peers.iter().map(|peer| Peer::Prefix(*peer).to_string()).collect();
        format!("{}: {}", node.node, if peers.is_empty() { "*".to_owned() } else { peers.join(" ") })
    };
    plan.nodes.iter().flat_map(|node| node.rules.iter().map(move |rule| line(node, rule))).collect()
}

#[test]
fn selectors_mean_nodes_and_their_addresses() {
    let table: &[(&str, &str, &[&str])] = &[
        ("@leader", "", &["pg1: *"]),
        ("@replica", "", &["pg2: *", "pg3: *"]),
        ("@any-replica", "", &["pg2: *"]),
        ("@other-replica", "", &["pg3: *"]),
        ("@sync", "", &["pg3: *"]),
        ("@any", "", &["pg1: *"]),
        ("*", "", &["pg2: *", "pg1: *", "pg3: *"]),
        ("pg3", "", &["pg3: *"]),
        ("local", "", &["netns:elsewhere: *"]),
        ("@leader", "peers = [\"*\"]", &["pg1: *"]),
        ("@leader", "peers = [\"@replica\"]", &["pg1: 10.88.0.12 fd00::13"]),
        ("@leader", "peers = [\"@sync\", \"10.0.0.0/8\", \"pg3\"]", &["pg1: fd00::13 10.0.0.0/8"]),
        ("local", "peers = [\"@leader\"]", &["netns:elsewhere: 10.88.0.11"]),
        // never oneself
        ("@replica", "peers = [\"@replica\"]", &["pg2: fd00::13", "pg3: 10.88.0.12"]),
        ("*", "peers = [\"@leader\"]", &["pg2: 10.88.0.11", "pg3: 10.88.0.11"]),
        // "one" is another one
        ("@any", "peers = [\"@any\"]", &["pg1: 10.88.0.12"]),
        ("*", "peers = [\"@any-replica\"]", &["pg2: fd00::13", "pg1: 10.88.0.12", "pg3: 10.88.0.12"]),
        // each is the other's other
        ("@any-replica", "peers = [\"@other-replica\"]", &["pg2: fd00::13"]),
        ("@other-replica", "peers = [\"@any-replica\"]", &["pg3: 10.88.0.12"]),
        ("*", "peers = [\"@other-replica\"]", &["pg2: fd00::13", "pg1: fd00::13"]),
        // but on lo
        ("@leader", "peers = [\"@leader\"]\nloopback = true", &["pg1: 10.88.0.11 127.0.0.0/8 ::1"]),
        (
            "@leader",
            "peers = [\"@leader\", \"@any\"]\nloopback = true",
            &["pg1: 10.88.0.11 127.0.0.0/8 ::1 10.88.0.12"],
        ),
        ("@leader", "peers = [\"10.0.0.0/8\"]\nloopback = true", &["pg1: 10.0.0.0/8"]),
    ];
    for (node, more, expected) in table {
        let plan = in_cluster(&format!("[[rule]]\nnode = \"{node}\"\naction = \"drop\"\n{more}"));
        assert_eq!(outline(&plan.expect("a plan")), *expected, "{node} {more}");
    }
}

#[test]
fn a_replica_that_was_settled_stays_the_same_when_the_leader_changes() {
    let settled = Some(["pg2", "pg3"].map(str::to_owned).into());
    let roles = Roles { leader: Some("pg2".into()), replicas: settled, ..Roles::default() };
    let cluster = cluster();
    let place = Place { cluster: Some(&cluster), local: Target::Local };
    for (node, expected) in [
        ("@any-replica", vec!["pg2: *"]),
        ("@other-replica", vec!["pg3: *"]),
        ("@leader", vec!["pg2: *"]),
        ("@replica", vec!["pg1: *", "pg3: *"]),
    ] {
        let policy = parse("test.toml", &format!("[[rule]]\nnode = \"{node}\"\naction = \"drop\""));
        let plan = resolve(&policy.expect("a policy"), &place, &roles).expect("a plan");
        assert_eq!(outline(&plan), expected, "{node}");
    }
}

#[test]
fn rules_of_one_node_stand_together_in_the_policys_order() {
    let plan = in_cluster(
        r#"
        [[rule]]
        node = "@leader"
        ports = [1]
        action = "drop"
        [[rule]]
        node = "@replica"
        ports = [2]
        action = "drop"
        [[rule]]
        node = "*"
        ports = [3]
        action = "drop"
        "#,
    )
    .expect("a plan");
    let origins = plan.nodes.iter().map(|node| {
        let origins: Vec<_> = node.rules.iter().map(|rule| rule.origin).collect();
        (node.node.as_str(), origins)
    });
    let expected = [("pg2", vec![1, 2]), ("pg1", vec![0, 2]), ("pg3", vec![1, 2])];
    assert_eq!(origins.collect::<Vec<_>>(), expected);
}

#[test]
fn a_local_place_that_is_a_node_is_that_node() {
    let text = "[[rule]]\nnode = \"local\"\naction = \"drop\"\npeers = [\"@leader\", \"pg2\"]\nports = [1]\n\
                [[rule]]\nnode = \"pg1\"\naction = \"drop\"\nports = [2]";
    let policy = parse("test.toml", text).expect("a policy");
    let cluster = cluster();
    let place = Place { cluster: Some(&cluster), local: Target::Netns("lab-pg1".into()) };
    let plan = resolve(&policy, &place, &roles()).expect("a plan");
    assert_eq!(outline(&plan), ["pg1: 10.88.0.12", "pg1: *"]);
    assert_eq!(plan.nodes[0].target, place.local);
}

#[test]
fn what_cannot_be_resolved_says_the_way_out() {
    let alone = Place { cluster: None, local: Target::Local };
    let cluster = cluster();
    let whole = Place { cluster: Some(&cluster), local: Target::Local };
    let nobody = Roles::default();
    let foreign = Roles { leader: Some("pg9".into()), ..Roles::default() };
    let known = roles();
    let table = [
        (&alone, &known, "node = \"@leader\""),
        (&alone, &known, "node = \"local\"\npeers = [\"10.0.0.0/8\", \"pg1\"]"),
        (&whole, &nobody, "node = \"@leader\""),
        (&whole, &nobody, "node = \"@replica\""),
        (&whole, &nobody, "node = \"local\"\npeers = [\"@sync\"]"),
        (&whole, &foreign, "node = \"@leader\""),
        (&whole, &known, "node = \"pg11\""),
        (&whole, &known, "node = \"database\""),
        (&whole, &known, "node = \"@sync\"\npeers = [\"pg3\"]"),
        (&whole, &known, "node = \"pg1\"\npeers = [\"@replica\", \"10.1.0.0/16\"]\nloopback = true"),
    ];
    let told = table.map(|(place, roles, lines)| {
        let policy = parse("test.toml", &format!("[[rule]]\naction = \"drop\"\n{lines}")).expect("a policy");
        match resolve(&policy, place, roles) {
            Ok(plan) => panic!("{lines} should not be resolved: {plan:?}"),
            Err(error) => drawn(&error),
        }
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_policy_says_what_it_needs() {
    for (lines, cluster, roles) in [
        ("node = \"local\"\npeers = [\"10.0.0.0/8\"]", false, false),
        ("node = \"local\"\npeers = [\"pg1\"]", true, false),
        ("node = \"local\"\npeers = [\"@sync\"]", true, true),
        ("node = \"*\"", true, false),
        ("node = \"@any\"", true, false),
        ("node = \"@any-replica\"", true, true),
        ("node = \"@other-replica\"", true, true),
    ] {
        let policy = parse("test.toml", &format!("[[rule]]\naction = \"drop\"\n{lines}")).expect("a policy");
        assert_eq!((policy.needs_cluster(), policy.needs_roles()), (cluster, roles), "{lines}");
    }
}

prop_compose! {
    fn any_rule()(
        node in prop::sample::select(vec!["local", "*", "@leader", "@replica", "@any-replica", "@other-replica", "@sync", "@any",
            "pg3"]),
        peers in prop::collection::btree_set(
            prop::sample::select(vec![
                "@leader", "@replica", "@any-replica", "@other-replica", "@sync", "@any", "pg2", "pg3"]), 0..4),
        loopback in any::<bool>(),
        port in 1..=u16::MAX,
    ) -> Rule {
        let policy = format!("[[rule]]\nnode = \"{node}\"\naction = \"drop\"");
        let mut rule = parse("one.toml", &policy).expect("a policy").rules.remove(0);
        rule.peers = peers.into_iter().map(|word| Peer::Node(match word {
            "pg2" | "pg3" => NodeSelector::Name(word.to_owned()),
            role => NodeSelector::ROLES.iter().find(|(word, _)| *word == role).expect("a role").1.clone(),
        })).collect();
        rule.ports = vec![PortRange { first: port, last: port }];
        rule.loopback = loopback;
        rule
    }
}

proptest! {
    #[test]
    fn plans_keep_their_promises(
        rules in prop::collection::vec(any_rule(), 1..5),
        local in prop::sample::select(vec!["lab-pg1", "lab-pg2", "elsewhere"]),
        leader in prop::sample::select(vec!["pg1", "pg2", "pg3"]),
    ) {
        let policy = Policy { rules, ..Policy::default() };
        let cluster = cluster();
        let place = Place { cluster: Some(&cluster), local: Target::Netns(local.to_owned()) };
        let roles = Roles { leader: Some(leader.to_owned()), ..roles() };
        let Ok(plan) = resolve(&policy, &place, &roles) else { return Ok(()) };

        let mut names: Vec<_> = plan.nodes.iter().map(|node| &node.node).collect();
        names.sort();
        names.dedup();
        prop_assert_eq!(names.len(), plan.nodes.len(), "no node twice");
        let mut planned = vec![0; policy.rules.len()];
        for node in &plan.nodes {
            prop_assert!(!node.rules.is_empty());
            prop_assert!(node.rules.is_sorted_by_key(|rule| rule.origin), "the policy's order");
            let own = cluster.nodes.iter().find(|own| own.name == node.node).map(|own| own.address);
            for rule in &node.rules {
                let origin = &policy.rules[rule.origin];
                planned[rule.origin] += 1;
                prop_assert_eq!(&rule.ports, &origin.ports);
                prop_assert_eq!(rule.peers.is_empty(), origin.peers.is_empty(), "never silently everyone");
                let meets_itself =
                    own.is_some_and(|own: IpAddr| rule.peers.contains(&IpNet::from(own)));
                prop_assert!(rule.loopback || !meets_itself, "never cut from oneself on the wire");
            }
        }
        prop_assert!(planned.iter().all(|count| *count > 0), "no rule is lost");
        prop_assert_eq!(resolve(&policy, &place, &roles).expect("a plan"), plan, "always the same");
    }
}
