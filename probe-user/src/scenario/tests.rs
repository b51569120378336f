//! Scenario files: those that are shipped, and those with mistakes.

use std::path::Path;

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::{CutSource, Deed, Prepared, Scenario};

fn complaints(text: &str) -> String {
    let rejected = Scenario::parse("scenario.toml", "scenario", text).expect_err("a mistake");
    let mut shown = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(110)
        .render_report(&mut shown, &rejected)
        .expect("a string takes everything");
    shown
}

#[test]
fn every_mistake_is_told_at_once() {
    insta::assert_snapshot!(complaints(
        r#"
titel = "x"

[lab]
local = "sockets"
ttl = 0

[[step]]
apply = "cut.toml"
lease = "10s"

[[step]]
wait = "ttl + 5"

[[step]]
until = "new-leadr"
within = "2 * tll"

[[step]]
wait = "1s"
revert = true

[[expect]]
that = "server"
node = "@primary"
status = "UP"

[[expect]]
that = "two-writable-primaries"
"#
    ));
}

#[test]
fn steps_that_cannot_work_together_are_mistakes() {
    insta::assert_snapshot!(complaints(
        r#"
title = "x"
expect = []

[[step]]
revert = true

[[step]]
apply = "cut.toml"

[[step]]
apply = "other/cut.toml"

[[step]]
wait = "cut + 5s"

[[step]]
revert = "cuts"

[[step]]
run = []

[[step]]
"#
    ));
}

#[test]
fn mistakes_in_rules_of_a_step_are_told_at_their_place() {
    insta::assert_snapshot!(complaints(
        r#"
title = "x"
expect = []

[[step]]
as = "cut"
[[step.rule]]
node = "@leader"
ports = [0]
action = "drip"
"#
    ));
}

#[test]
fn mistakes_in_what_is_seen_are_told_with_the_way_out() {
    let expects = [
        "that = 'lsited'",
        "that = 'listed'\nnode = 'pg1'\nwithin = '5s'",
        "that = 'listed'\nnode = '@old-replica'\nstate = 'straeming'\nwithin = '5s'",
        "that = 'listed'\nnode = 'pg1'\nstate = ['present', 'running']\nwithin = '5s'",
        "that = 'listed'\nnode = 'pg1'\nstate = 'absent'\nrole = 'laeder'\nwithin = '5s'",
        "that = 'listed'\nnode = 'pg1'\nstate = 'absent'\nrole = 'leader'\nwithin = '5s'",
        "that = 'listed'\nnode = 'pg1'\nstate = []\nwithin = '5s'",
        "that = 'listed'\nnode = 'pg1'\nstate = 'absent'",
        "that = 'port'\nnode = 'pg1'\nmeets = ['accept']\nwithin = '5s'",
        "that = 'rest'\nnode = 'pg1'\nanswers = 'slient'\nwithin = '5s'",
        "that = 'process'\nnode = 'pg1'\nserver = 'haproxy'",
        "that = 'server'\nnode = 'pg1'\nproxy = 'primary'\nstatus = 'UP'\nthroughout = true\nwithin = '5s'",
        "that = 'inside'\nnode = 'pg1'\nwritable = true\nthroughout = true\nfor = '5s'\nuntil = 'revert'",
        "that = 'inside'\nnode = 'pg1'\nwritable = true\nwithin = '5s'\nafter = 'strat'",
        "that = 'inside'\nnode = 'pg1'\nwritable = true\nwithin = '5s'\nafter = 'the beginning'",
        "that = 'log'\nnode = 'pg1'",
        "that = 'log'\nlacks = ''\nlevel = 'WARN'",
        "that = 'log'\nlacks = 'x'\nwithin = '5s'",
        "that = 'tracebacks'\nbenign = 'yes'\nother = 'some'",
        "that = 'leader-unchanged'\nfor = '5'",
        "that = 'writes-stop'",
        "that = 'timeline-grows'\ntable = 'no'",
        "that = 'timeline-grows'\nwhen = {}",
        "that = 'timeline-grows'\nwhen = { patroni = '<=four', locale = 'tcp' }",
        "that = 'timeline-grows'\nwhen = 'tcp'",
    ];
    let lines = expects.map(|expect| {
        let text = format!("title = 'x'\n[[step]]\nwait = '1s'\nas = 'start'\n[[expect]]\n{expect}\n");
        format!("{}\n{}", expect.replace('\n', "; "), in_lines(&text))
    });
    insta::assert_snapshot!(lines.join(""));
}

#[test]
fn mistakes_in_rows_deviations_and_steps_are_told_with_the_way_out() {
    let files = [
        "[row]\nid = 1",
        "[row]\nid = '1'\ntest = 'Kill'\ncommand = 'kill -9'",
        "[[deviation]]\nwhen = { patroni = 4 }\ninstead = 'x'",
        "[[step]]\nwait = '1s'\nas = 'revert'",
        "[[step]]\nwait = '1s'\nas = 'a'\n[[step]]\nwait = '1s'\nas = 'a'",
        "[[step]]\nuntil = 'lsted'\nwithin = '1s'",
        "[[step]]\nuntil = 'listed'\nnode = 'pg1'\nwithin = '1s'",
        "[[step]]\nuntil = 'listed'\nnode = 'pg1'\nstate = 'absent'",
        "[[step]]\nuntil = 'new-leader'\nnode = 'pg1'\nwithin = '1s'",
        "[[step]]\nuntil = 'log'\nlacks = 'x'\nwithin = '1s'",
        "[[step]]\napply = 'a.toml'\nwhen = { local = 'tcp' }\n[[step]]\nrevert = 'a'\nwhen = { local = 'socket' }",
        "[[step]]\napply = 'a.toml'\nwhen = { patroni = '<4' }\n[[step]]\napply = 'a.toml'\nwhen = { patroni = '<5' }",
    ];
    let lines = files.map(|file| {
        let step = if file.contains("[[step]]") { "" } else { "\n[[step]]\nwait = '1s'" };
        let text = format!("title = 'x'\nexpect = []\n{file}{step}\n");
        format!("{}\n{}", file.replace('\n', "; "), in_lines(&text))
    });
    insta::assert_snapshot!(lines.join(""));
}

/// Each mistake of a file in a line.
fn in_lines(text: &str) -> String {
    let rejected = Scenario::parse("s.toml", "s", text).expect_err(text);
    let problems = rejected.problems().iter().map(|problem| {
        let label = problem.label().unwrap_or_default();
        format!("  {} [{label}] → {}\n", problem.message(), problem.way_out().unwrap_or_default())
    });
    problems.collect()
}

#[test]
fn one_file_serves_clusters_of_every_kind() {
    let text = r#"
title = "x"
document = "The leader is lost."

[row]
id = "1B"
test = "Switchover attempt"
commands = """
patronictl switchover
"""

[[deviation]]
when = { local = "socket", patroni = ">=3.0.2, <4" }
claim = "The leader is lost"
instead = "It stays."
because = "Patroni reaches PostgreSQL past the cut."

[[step]]
apply = "cut.toml"
when = { local = "tcp" }
[[step]]
apply = "cut.toml"
when = { local = "socket" }
[[step]]
until = "listed"
as = "gone"
node = "@any-replica"
state = ["absent", "stopped"]
within = "2 * ttl"
[[step]]
until = "log"
contains = "promoted"
within = "2 * ttl"
[[step]]
revert = "cut"

[[expect]]
that = "leader-lost"
within = "5s"
after = "gone"
when = { local = "tcp" }
table = false
"#;
    let scenario = Scenario::parse("s.toml", "s", text).unwrap_or_else(|error| panic!("{error:?}"));
    let row = scenario.row.as_ref().expect("a row");
    assert_eq!((row.id.as_str(), row.commands.as_str()), ("1B", "patronictl switchover"));
    let deviation = &scenario.deviations[0];
    assert_eq!(deviation.when.patroni.as_ref().map(ToString::to_string).as_deref(), Some(">=3.0.2, <4"));
    let names: Vec<_> = scenario.steps.iter().filter_map(|step| step.name.as_deref()).collect();
    assert_eq!(names, ["cut", "cut", "gone"]);
    assert_eq!(
        scenario.steps[2].in_words(),
        "until `patronictl list` does not show @any-replica, or shows it stopped, within 2 * ttl"
    );
    assert_eq!(
        scenario.steps[3].in_words(),
        "until the log of * has a line with \"promoted\", within 2 * ttl"
    );
    assert!(!scenario.expectations[0].in_table);
}

#[test]
fn rules_can_stand_in_the_step() {
    let text = r#"
title = "x"
expect = []
[[step]]
as = "wire"
for = "2m"
must_hit = false
[[step.rule]]
node = "@leader"
ports = [5432]
action = "reject"
[[step]]
revert = "wire"
"#;
    let scenario = Scenario::parse("s.toml", "s", text).expect("a good scenario");
    let Deed::Apply(apply) = &scenario.steps[0].deed else { panic!("{:?}", scenario.steps) };
    assert_eq!((apply.name.as_str(), apply.must_hit), ("wire", false));
    let CutSource::Inline(policy) = &apply.source else { panic!("{apply:?}") };
    assert_eq!(policy.rules.len(), 1);
    assert_eq!(scenario.steps[1].deed, Deed::Revert(Some("wire".to_owned())));
}

#[test]
fn expectations_of_one_kind_get_names_of_their_own() {
    let text = r#"
title = "x"
step = [{ wait = "1s" }]
expect = [
    { that = "timeline-grows" },
    { that = "timeline-grows" },
    { that = "writes-continue", name = "timeline-grows" },
    { that = "writes-continue", when = { local = "tcp" } },
    { that = "writes-continue", when = { local = "socket" } },
]
"#;
    let scenario = Scenario::parse("s.toml", "s", text).expect("a good scenario");
    let names: Vec<_> = scenario.expectations.iter().map(|expectation| expectation.name.as_str()).collect();
    assert_eq!(names[..3], ["timeline-grows", "timeline-grows-2", "timeline-grows-3"]);
    assert_eq!(names[3..], ["writes-continue", "writes-continue"], "no cluster has both");
}

#[test]
fn the_shipped_scenarios_can_be_prepared() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let mut ids = Vec::new();
    for folder in ["scenarios", "patroni-ha"].map(|folder| policies.join(folder)) {
        let paths = std::fs::read_dir(&folder)
            .expect("the folder is there")
            .map(|entry| entry.expect("a file").path());
        for path in paths.filter(|path| path.file_name().is_some_and(|name| name != "suite.toml")) {
            let scenario = Scenario::load(&path).unwrap_or_else(|error| panic!("{error:?}"));
            let prepared = Prepared::new(scenario, &folder).unwrap_or_else(|error| panic!("{error:?}"));
            ids.push(prepared.scenario().id.clone());
        }
    }
    for id in ["primary-5432-drop", "primary-5432-drop-socket", "standby-isolation-1B", "primary-process-4"] {
        assert!(ids.iter().any(|shipped| shipped == id), "{id}");
    }
}

#[test]
fn the_scenario_of_the_readme_is_a_good_one() {
    let readme = include_str!("../../../README.md");
    let scenario = readme.split("```toml\n").find(|block| block.starts_with("title")).expect("a scenario");
    let (text, _) = scenario.split_once("```").expect("the end of the block");
    let scenario = Scenario::parse("README.md", "readme", text).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!((scenario.steps.len(), scenario.deviations.len()), (3, 1));
}
