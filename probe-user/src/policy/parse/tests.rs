use clap::Parser;

use super::{RuleArgs, parse};
use crate::{document::tests::drawn, policy::*};

/// A rule that is good but for the lines in question.
fn with(lines: &str) -> String {
    let given = |key: &str| lines.lines().any(|line| line.starts_with(key));
    let node = if given("node") { "" } else { "node = \"@leader\"\n" };
    let action = if given("action") { "" } else { "action = \"drop\"\n" };
    format!("[[rule]]\n{node}{action}{lines}\n")
}

fn rejected(name: &str, text: &str) -> String {
    match parse(name, text) {
        Ok(policy) => panic!("{name} should be rejected: {policy:?}\n{text}"),
        Err(rejected) => drawn(&rejected),
    }
}

#[test]
fn everything_that_is_not_said_has_a_default() {
    let policy = parse("cuts/small.toml", &with("")).expect("a good policy");
    let rule = Rule {
        node: NodeSelector::Leader,
        direction: Direction::In,
        protocol: Protocol::Tcp,
        ports: vec![],
        peer_ports: vec![],
        peers: vec![],
        flows: Flows::All,
        narrowing: Narrowing::default(),
        action: Action::Drop,
        delay: None,
        close_sockets: false,
        loopback: false,
        interfaces: vec![],
    };
    assert_eq!(policy, Policy { description: "small".into(), rules: vec![rule], topologies: vec![] });
}

#[test]
fn everything_can_be_said() {
    let text = r#"
        description = "all of it"
        [[rule]]
        node       = "pg1"
        direction  = "both"
        protocol   = "any"
        ports      = [5432, "6000-6010", "8008"]
        peer_ports = ["1024-65535"]
        peers      = ["@replica", "@any-replica", "@other-replica", "@sync", "@any", "pg1", "10.0.0.0/8", "fd00::1"]
        flows      = "all"
        action     = "reject"
        close_sockets = true
        loopback   = true
        interfaces = ["eth0", "lo"]
    "#;
    let ports = |first, last| PortRange { first, last };
    let node = |selector| Peer::Node(selector);
    let rule = Rule {
        node: NodeSelector::Name("pg1".into()),
        direction: Direction::Both,
        protocol: Protocol::Any,
        ports: vec![ports(5432, 5432), ports(6000, 6010), ports(8008, 8008)],
        peer_ports: vec![ports(1024, 65535)],
        peers: vec![
            node(NodeSelector::Replica),
            node(NodeSelector::AnyReplica),
            node(NodeSelector::OtherReplica),
            node(NodeSelector::Sync),
            node(NodeSelector::Any),
            node(NodeSelector::Name("pg1".into())),
            Peer::Prefix("10.0.0.0/8".parse().expect("a prefix")),
            Peer::Prefix("fd00::1/128".parse().expect("a prefix")),
        ],
        flows: Flows::All,
        narrowing: Narrowing::default(),
        action: Action::Reject,
        delay: None,
        close_sockets: true,
        loopback: true,
        interfaces: vec!["eth0".into(), "lo".into()],
    };
    assert_eq!(
        parse("x", text).expect("a good policy"),
        Policy { description: "all of it".into(), rules: vec![rule], topologies: vec![] }
    );
}

#[test]
fn good_rules_are_not_refused() {
    for lines in [
        "peers = [\"*\"]",
        "protocol = \"udp\"\naction = \"reject\"",
        "protocol = \"any\"\nports = [53]",
        "flows = \"new\"\naction = \"reset\"",
        "interfaces = [\"lo\"]\nloopback = true",
        "close_sockets = true\nflows = \"established\"\naction = \"reset\"",
        "close_sockets = true\nprotocol = \"any\"",
        "close_sockets = false\nprotocol = \"udp\"\nprobability = 0.5",
        "peers = [\"@leader\"]\nloopback = true",
        "peers = [\"10.0.0.0/8\"]\nloopback = true",
        "peers = [\"127.0.0.1\"]\nloopback = true",
        "peers = [\"0.0.0.0/0\"]",
        "peers = [\"::/0\", \"db-1.example_x\"]",
        "interfaces = [\"fifteen-letters\"]",
        "node = \"*\"\npeers = [\"@leader\"]",
    ] {
        let text = with(lines);
        if let Err(rejected) = parse("good.toml", &text) {
            panic!("{}", drawn(&rejected));
        }
    }
}

#[test]
fn mistakes_in_the_file_are_told_with_a_way_out() {
    let files = [
        ("not TOML", "description = oops\n[[rule]\nnode = \"@leader\"\n".to_owned()),
        ("an empty file", String::new()),
        ("no rules", "description = \"none\"\nrule = []\n".to_owned()),
        ("one table", "[rule]\nnode = \"@leader\"\naction = \"drop\"\n".to_owned()),
        ("an empty rule", "[[rule]]\n".to_owned()),
        ("a misspelt heading", with("").replace("[[rule]]", "[[rules]]")),
        ("unknown fields", with("prots = [5432]\ntimeout = \"10s\"")),
        ("missing fields", "[[rule]]\nports = [5432]\n".to_owned()),
        ("wrong types", with("ports = 5432\npeers = \"*\"\nloopback = \"yes\"\ndirection = 1")),
        (
            "unknown words",
            with("direction = \"inn\"\nprotocol = \"icmp\"\naction = \"Drop\"\nflows = \"some\""),
        ),
    ];
    insta::assert_snapshot!(files.map(|(name, text)| rejected(name, &text)).join("\n"));
}

#[test]
fn deep_nesting_is_refused_and_nothing_worse() {
    for text in ["rule = ".to_owned() + &"[".repeat(100_000), "a.".repeat(100_000) + "b = 1"] {
        let rejected = parse("deep.toml", &text).expect_err("no policy");
        assert!(!rejected.problems().is_empty());
    }
}

#[test]
fn mistakes_in_words_are_told_with_a_way_out() {
    let lines = [
        "ports = []\npeers = []",
        "ports = [0, 65536, -1, \"0-10\"]",
        "ports = [\"5440-5432\", \"5432:5440\", \"postgresql\", \"\", \"-\", 5432.0]",
        "peers = [\"10.0.0.1/8\", \"10.0.0.0/33\", \"10.0.0.0/255.0.0.0\", \"10.0.0\", \"10.0.0.1:5432\"]",
        "peers = [\"fd00::1/64\", \"fd00:::1\", \"fe80::1%eth0\", \"::ffff:10.0.0.1\", \"0.0.0.0\", \"::\"]",
        "peers = [\"@leadr\", \"@primary\", \"@nobody\", \"local\", \"\", \"pg 1\"]",
        "node = \"@replicas\"",
        "node = \"@standby\"",
        "node = \"10.0.0.1\"",
        "node = \"pg1,pg2\"",
        "interfaces = [\"\", \"a-name-too-long-\", \"eth0:1\", \"eth 0\"]",
    ];
    let told = lines.map(|lines| rejected("words.toml", &with(lines)));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn contradictions_are_told_with_a_way_out() {
    let lines = [
        "protocol = \"udp\"\naction = \"reset\"",
        "protocol = \"any\"\naction = \"reset\"\nflows = \"new\"",
        "loopback = true\ninterfaces = [\"eth0\"]",
        "interfaces = [\"eth0\", \"lo\"]",
        "loopback = true\npeers = [\"@replica\", \"@sync\"]",
        "peers = [\"@leader\", \"127.0.0.1\", \"::1\"]",
        "peers = [\"*\", \"10.0.0.0/8\"]",
        "peers = [\"pg2\", \"10.0.0.0/8\", \"pg2\", \"10.1.0.0/16\"]",
        "ports = [5432, \"5400-5500\", 8008]\ninterfaces = [\"eth0\", \"eth0\"]",
        "close_sockets = true\nprotocol = \"udp\"",
        "close_sockets = true\nflows = \"new\"",
        "close_sockets = true\nprobability = 0.5\nlonger_than = 1400",
        "close_sockets = true\naction = \"corrupt\"",
        // one part that cannot be read does not hide the others
        "ports = [0]\nprotocol = \"udp\"\naction = \"reset\"",
    ];
    let told = lines.map(|lines| rejected("rules.toml", &with(lines)));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_rule_behind_one_that_covers_it_is_told() {
    let covered = [
        ("", ""),
        ("ports = [\"5000-6000\"]", "ports = [5432]"),
        ("peers = [\"10.0.0.0/8\"]", "peers = [\"10.1.2.3\", \"10.2.0.0/16\"]"),
        ("protocol = \"any\"", "protocol = \"udp\"\nports = [53]\naction = \"reject\""),
        ("direction = \"both\"\nloopback = true", "direction = \"out\"\nflows = \"new\"\naction = \"reset\""),
        ("node = \"*\"", "node = \"@sync\"\ninterfaces = [\"eth0\"]"),
        ("node = \"@replica\"\npeers = [\"@replica\"]", "node = \"@sync\"\npeers = [\"@any-replica\"]"),
    ];
    for (earlier, later) in covered {
        let text = with(earlier) + &with(later);
        let told = rejected("covered.toml", &text);
        assert!(told.contains("can never match"), "{told}");
    }
    let needed = [
        ("ports = [5432]", ""),
        ("ports = [5432]", "ports = [\"5432-5433\"]"),
        ("peers = [\"10.0.0.0/8\"]", ""),
        ("", "loopback = true"),
        ("flows = \"new\"\naction = \"reset\"", ""),
        ("node = \"*\"", "node = \"local\""),
        ("node = \"@sync\"", "node = \"@replica\""),
        ("interfaces = [\"eth0\"]", "interfaces = [\"eth1\"]"),
        ("interfaces = [\"eth0\"]", ""),
        ("direction = \"in\"", "direction = \"both\""),
        ("protocol = \"any\"\nports = [53]", "protocol = \"any\""),
    ];
    for (earlier, later) in needed {
        let text = with(earlier) + &with(later);
        if let Err(rejected) = parse("needed.toml", &text) {
            panic!("{}", drawn(&rejected));
        }
    }
    insta::assert_snapshot!(rejected("two.toml", &(with("") + &with("ports = [5432]"))));
}

/// As a verb uses the arguments: a file or a rule, never both, never neither.
#[derive(Debug, clap::Parser)]
struct Command {
    #[arg(required_unless_present = "rule", conflicts_with = "rule")]
    policy: Option<std::path::PathBuf>,
    #[command(flatten)]
    rule: RuleArgs,
}

fn argued(line: &str) -> RuleArgs {
    let words = std::iter::once("netsplit").chain(line.split_whitespace());
    Command::try_parse_from(words).expect("arguments").rule
}

#[test]
fn a_rule_stands_instead_of_a_file() {
    for (line, good) in [
        ("netsplit policy.toml", true),
        ("netsplit --action drop", true),
        ("netsplit --loopback", true),
        ("netsplit", false),
        ("netsplit policy.toml --ports 5432", false),
        ("netsplit --action vanish", false),
    ] {
        let parsed = Command::try_parse_from(line.split(' '));
        assert_eq!(parsed.is_ok(), good, "{line}: {parsed:?}");
    }
}

#[test]
fn arguments_say_what_a_file_says() {
    let line = "--action reject --direction both --ports 5432,6000-6010 --peers 10.0.0.0/8,@leader \
                --close-sockets --loopback --interfaces eth0,lo";
    let file = r#"
        description = "x"
        [[rule]]
        node = "local"
        action = "reject"
        direction = "both"
        ports = [5432, "6000-6010"]
        peers = ["10.0.0.0/8", "@leader"]
        close_sockets = true
        loopback = true
        interfaces = ["eth0", "lo"]
    "#;
    let policy = argued(line).policy().expect("a good rule");
    assert_eq!(policy.rules, parse("x", file).expect("a good policy").rules);
    insta::assert_snapshot!(
        policy.description,
        @"--action reject --direction both --ports 5432,6000-6010 --peers 10.0.0.0/8,@leader --close-sockets --loopback --interfaces eth0,lo"
    );
}

#[test]
fn mistakes_in_arguments_are_told_at_the_argument() {
    let lines = [
        "--ports 5432",
        "--action drop --ports 5432,0,5440-5432 --peers 10.0.0.1/8,*",
        "--action reset --protocol udp --loopback --interfaces eth0",
        "--action drop --with probability=0.5 --close-sockets",
    ];
    let told = lines.map(|line| match argued(line).policy() {
        Ok(policy) => panic!("{line} should be rejected: {policy:?}"),
        Err(rejected) => drawn(&rejected),
    });
    insta::assert_snapshot!(told.join("\n"));
}
