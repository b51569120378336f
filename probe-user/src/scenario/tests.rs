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
expect = [{ that = "timeline-grows" }, { that = "timeline-grows" }, { that = "writes-continue", name = "timeline-grows" }]
"#;
    let scenario = Scenario::parse("s.toml", "s", text).expect("a good scenario");
    let names: Vec<_> = scenario.expectations.iter().map(|expectation| expectation.name.as_str()).collect();
    assert_eq!(names, ["timeline-grows", "timeline-grows-2", "timeline-grows-3"]);
}

#[test]
fn the_shipped_scenarios_can_be_prepared() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/scenarios");
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("a file").path();
        let scenario = Scenario::load(&path).unwrap_or_else(|error| panic!("{error:?}"));
        let prepared = Prepared::new(scenario, &folder).unwrap_or_else(|error| panic!("{error:?}"));
        ids.push(prepared.scenario().id.clone());
    }
    for id in ["primary-5432-drop", "primary-5432-drop-socket", "primary-8008-drop", "primary-process-4"] {
        assert!(ids.iter().any(|shipped| shipped == id), "{id}");
    }
}
