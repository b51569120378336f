use super::{
    super::record::{Record, sample},
    *,
};
use crate::policy::{Action, Direction, PlannedRule, PortRange, Protocol};

const NOW: BootInstant = BootInstant { ns: 1_500_000_000 };

fn first() -> Record {
    let peers = ["10.99.0.2/32", "fd99::/64"].map(|peer| peer.parse().unwrap()).to_vec();
    sample(
        "c3f9a1",
        0,
        vec![
            PlannedRule { peers, action: Action::Reset, ..PlannedRule::sample() },
            PlannedRule { direction: Direction::Both, protocol: Protocol::Udp, ..PlannedRule::sample() },
        ],
    )
}

fn second() -> Record {
    let ports = vec![PortRange { first: 8008, last: 8008 }];
    sample("0ddba1", 1, vec![PlannedRule { ports, loopback: false, ..PlannedRule::sample() }])
}

/// What nft shows of a namespace after the script: the chains that it adds.
fn after(known: &Known, record: &Record) -> Known {
    let script = put(known, record, NOW).unwrap();
    let mut after = known.clone();
    after.records.push(record.clone());
    let mut family = "inet".to_owned();
    for line in script.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["table", of, ..] => family = (*of).to_owned(),
            ["add", "chain", of, _, name, ..] => {
                after.chains.insert(((*of).to_owned(), (*name).to_owned()));
            }
            ["chain", name, ..] => {
                after.chains.insert((family.clone(), (*name).to_owned()));
            }
            _ => {}
        }
    }
    after
}

#[test]
fn the_ruleset_of_a_policy() {
    let script = put(&Known::default(), &first(), NOW).unwrap();
    // The journal is Base64 of what other tests look at.
    let shown: Vec<_> = script
        .lines()
        .map(|line| if line.contains(" comment \"eyJ") { "\t\telements = { … the journal … }" } else { line })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_second_cut_leaves_the_firsts_leases_counters_and_chains_alone() {
    let known = after(&Known::default(), &first());
    let script = put(&known, &second(), NOW).unwrap();
    let touched: Vec<_> = script.lines().filter(|line| line.contains("c3f9a1")).collect();
    assert_eq!(
        touched,
        [
            "add rule inet netsplit judge_in meta protocol @lease_c3f9a1 jump cut_c3f9a1_in",
            "add rule inet netsplit judge_in_later meta protocol @lease_c3f9a1 jump cut_c3f9a1_in_later",
            "add rule inet netsplit judge_out meta protocol @lease_c3f9a1 jump cut_c3f9a1_out",
            "add rule inet netsplit judge_out_later meta protocol @lease_c3f9a1 jump cut_c3f9a1_out_later",
            "add rule netdev netsplit judge_egress meta protocol @lease_c3f9a1 jump cut_c3f9a1_egress",
            "add rule netdev netsplit judge_egress_later meta protocol @lease_c3f9a1 jump cut_c3f9a1_egress_later",
        ]
    );
    let [earlier, later] =
        ["jump cut_c3f9a1_in", "jump cut_0ddba1_in"].map(|jump| script.find(jump).unwrap());
    assert!(earlier < later, "the earlier cut decides");
}

#[test]
fn what_a_lease_has_ended_goes_with_the_next_cut() {
    let known = after(&Known::default(), &first());
    let script = put(&known, &second(), BootInstant { ns: 61_500_000_000 }).unwrap();
    for gone in [
        "delete chain inet netsplit cut_c3f9a1_in",
        "delete chain netdev netsplit cut_c3f9a1_egress",
        "delete set inet netsplit lease_c3f9a1",
        "delete set inet netsplit journal_c3f9a1",
        "delete counter netdev netsplit hits_c3f9a1_1",
        "flush chain netdev netsplit judge_egress",
    ] {
        assert!(script.contains(gone), "{gone}: {script}");
    }
    assert!(!script.contains("jump cut_c3f9a1"), "{script}");
}

#[test]
fn what_is_there_is_relied_on_and_not_made_again() {
    let known = after(&Known::default(), &first());
    let script = put(&known, &second(), NOW).unwrap();
    // Whoever ended everything meanwhile has taken the hook away, and nft refuses.
    assert!(
        script.contains(
            "flush chain inet netsplit arriving_7\nadd rule inet netsplit arriving_7 goto parse_in"
        )
    );
    assert!(!script.contains("type filter hook"), "{script}");
}

#[test]
fn a_lease_that_came_into_force_late_ends_on_time() {
    let late = BootInstant { ns: 60_500_000_000 };
    assert_eq!(
        renew(&second(), late),
        "flush set inet netsplit lease_0ddba1\n\
         add element inet netsplit lease_0ddba1 { ip timeout 1000ms, ip6 timeout 1000ms }\n"
    );
}

#[test]
fn the_last_cut_takes_the_tables_with_it() {
    let both = after(&after(&Known::default(), &first()), &second());
    let one = take(&both, &first().cut.id, NOW);
    assert!(
        one.contains("delete chain inet netsplit cut_c3f9a1_in") && !one.contains("delete table"),
        "{one}"
    );
    let alone = after(&Known::default(), &first());
    assert_eq!(
        take(&alone, &first().cut.id, NOW),
        "add table inet netsplit\ndelete table inet netsplit\nadd table netdev netsplit\ndelete table netdev netsplit\n"
    );
}

#[test]
fn a_journal_is_written_anew_and_nothing_else() {
    let script = file(&first()).unwrap();
    let lines: Vec<_> = script.lines().collect();
    assert!(
        matches!(lines.as_slice(), [flush, add] if *flush == "flush set inet netsplit journal_c3f9a1"
            && add.starts_with("add element inet netsplit journal_c3f9a1 { 0 comment \"")),
        "{script}"
    );
}
