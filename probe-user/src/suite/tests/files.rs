//! Reading a folder.

use std::{fs, path::Path};

use crate::{
    document::tests::drawn,
    suite::{Suite, SuiteFile},
};

pub(super) fn scenario(title: &str, more: &str) -> String {
    format!("title = '{title}'\nexpect = []\n{more}\n[[step]]\nwait = '1s'\n")
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

fn ids(suite: &Suite) -> Vec<Vec<&str>> {
    suite
        .sections
        .iter()
        .map(|section| section.scenarios.iter().map(|one| one.scenario().id.as_str()).collect())
        .collect()
}

fn load(folder: &Path) -> Result<Suite, crate::suite::SuiteError> {
    Suite::load(&[folder.to_owned()])
}

#[test]
fn a_suite_file_says_what_is_tested_and_in_what_order() {
    let text = "title = 'HA'\ndescription = ' more '\nsource = 'a page'\n\
                [[section]]\ntitle = 'Two'\nscenarios = ['b-2', 'b-10']\n[[section]]\ntitle = 'One'\nscenarios = ['a']\n";
    let a = scenario("x", "");
    let files = folder(&[
        ("suite.toml", text),
        ("a.toml", &a),
        ("b-2.toml", &a),
        ("b-10.toml", &a),
        ("notes.md", ""),
    ]);
    let suite = load(files.path()).expect("a good suite");
    assert_eq!((suite.title.as_str(), suite.description.as_deref()), ("HA", Some("more")));
    assert_eq!(suite.source.as_deref(), Some("a page"));
    assert_eq!(ids(&suite), [vec!["b-2", "b-10"], vec!["a"]]);
    let named = Suite::load(&[files.path().join("suite.toml")]).expect("the same");
    assert_eq!(ids(&named), ids(&suite));

    fs::remove_file(files.path().join("suite.toml")).expect("a file");
    let suite = load(files.path()).expect("a suite without a file");
    assert_eq!(ids(&suite), [vec!["a", "b-2", "b-10"]]);
    assert_eq!(suite.id, files.path().file_name().expect("a name").to_string_lossy());
    let several = Suite::load(&[files.path().join("b-10.toml"), files.path().join("a.toml")]);
    assert_eq!(ids(&several.expect("two files")), [vec!["b-10", "a"]]);
}

#[test]
fn every_mistake_of_a_suite_file_is_told_at_its_place() {
    let text = r#"
titel = "HA"

[[section]]
title = "One"
scenarios = ["log-1", "log1", "nothing-like-it", "log-2.toml"]

[[section]]
scenarios = ["log-1", 7]

[[section]]
title = "Three"
scenarios = []
"#;
    let names = ["log-1", "log-2"].map(str::to_owned);
    insta::assert_snapshot!(drawn(
        &SuiteFile::parse("suite.toml", text, Some(&names)).expect_err("mistakes")
    ));
}

#[test]
fn a_scenario_that_no_section_names_is_a_mistake() {
    let text = "title = 'HA'\n[[section]]\ntitle = 'One'\nscenarios = ['a']\n";
    let names = ["a", "b"].map(str::to_owned);
    insta::assert_snapshot!(drawn(
        &SuiteFile::parse("suite.toml", text, Some(&names)).expect_err("a mistake")
    ));
    assert!(SuiteFile::parse("stdin", text, None).is_ok(), "nobody knows the folder");
    for empty in ["title = 'x'", "title = 'x'\nsection = []"] {
        assert!(SuiteFile::parse("suite.toml", empty, None).is_err());
    }
}

#[test]
fn what_cannot_be_run_is_told_before_anything_is() {
    let good = scenario("x", "");
    let twice = scenario("x", "id = 'a'");
    for (files, told) in [
        (vec![], "has no scenarios"),
        (vec![("a.toml", good.as_str()), ("b.toml", "titel = 'x'")], "b.toml cannot be used"),
        (vec![("a.toml", good.as_str()), ("b.toml", twice.as_str())], "two scenarios are called `a`"),
        (vec![("a.toml", good.as_str()), ("suite.toml", "title = 'x'")], "suite.toml cannot be used"),
    ] {
        let error = load(folder(&files).path()).expect_err(told).to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn some_of_a_suite_can_be_chosen() {
    let one = scenario("x", "");
    let names = ["log-1", "standby-1", "standby-1B", "standby-2", "primary-1"];
    let files: Vec<_> = names.map(|name| format!("{name}.toml")).into_iter().collect();
    let files: Vec<_> = files.iter().map(|name| (name.as_str(), one.as_str())).collect();
    let files = folder(&files);
    let suite = load(files.path()).expect("a suite");
    let only = |patterns: &[&str]| {
        let patterns: Vec<_> = patterns.iter().map(|text| (*text).to_owned()).collect();
        suite.clone().only(&patterns)
    };
    for (patterns, chosen) in [
        (vec![], vec!["log-1", "primary-1", "standby-1", "standby-1B", "standby-2"]),
        (vec!["standby-1"], vec!["standby-1"]),
        (vec!["standby-2", "log-1"], vec!["log-1", "standby-2"]),
        (vec!["standby-*", "standby-1"], vec!["standby-1", "standby-1B", "standby-2"]),
    ] {
        assert_eq!(ids(&only(&patterns).expect("a choice")).concat(), chosen, "{patterns:?}");
    }
    for (patterns, help) in [
        (vec!["standby-1b"], "did you mean `standby-1"),
        (vec!["log-1", "nothing"], "there are `log-1`,"),
        (vec!["x*"], "there are"),
    ] {
        let error = only(&patterns).expect_err("unknown");
        assert!(error.help.starts_with(help), "{error:?}");
    }
}
