//! What continuous integration servers ask of a `junit.xml`, as code.
//!
//! - Jenkins' xUnit plugin refuses a file that its schema does not allow: `junit-10.xsd` of
//!   <https://github.com/jenkinsci/xunit-plugin>. Its older versions take three decimals of a second at most.
//! - GitLab takes cases of one `classname` and `name` for the same, shows the text within `failure`, `error` or
//!   `skipped`, and takes a `type` there for that of the text's data:
//!   <https://docs.gitlab.com/ci/testing/unit_test_reports>.

use std::collections::BTreeSet;

use roxmltree::{Document, Node};

/// What an element may have: attributes that it must have, others, and elements within.
fn allowed(element: &str) -> (&'static [&'static str], &'static [&'static str], &'static [&'static str]) {
    match element {
        "testsuites" => (&["name", "tests", "failures", "errors"], &["time"], &["testsuite"]),
        "testsuite" => (
            &["name", "tests", "failures", "errors", "skipped"],
            &["time", "timestamp", "hostname", "id", "package"],
            &["testcase", "properties", "system-out", "system-err"],
        ),
        "testcase" => {
            (&["name", "classname"], &["time"], &["failure", "error", "skipped", "system-out", "system-err"])
        }
        "failure" | "error" | "skipped" => (&["message"], &[], &[]),
        "system-out" | "system-err" => (&[], &[], &[]),
        other => panic!("no server knows <{other}>"),
    }
}

/// Fails unless the servers take it.
pub(super) fn assert_accepted(text: &str) {
    // XML 1.0, 2.2; a document with others is no XML.
    let good = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(text.chars().all(good), "a character that XML does not have: {text:?}");
    let document = Document::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "testsuites");
    root.descendants().filter(Node::is_element).for_each(|element| check(&element));
    let cases: Vec<_> = root.descendants().filter(|node| node.has_tag_name("testcase")).collect();
    let names: BTreeSet<_> =
        cases.iter().map(|case| (case.attribute("classname"), case.attribute("name"))).collect();
    assert_eq!(names.len(), cases.len(), "two cases of one name: {text}");
    for outer in
        root.descendants().filter(|node| node.has_tag_name("testsuites") || node.has_tag_name("testsuite"))
    {
        for (count, element) in
            [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
        {
            let there = outer.descendants().filter(|node| node.has_tag_name(element)).count();
            let told = outer.attribute(count).map(|told| told.parse().expect("a number"));
            assert!(
                told.is_none_or(|told: usize| told == there),
                "{count} is {told:?} and not {there}: {text}"
            );
        }
    }
}

fn check(element: &Node<'_, '_>) {
    let name = element.tag_name().name();
    let (required, optional, within) = allowed(name);
    for attribute in required {
        assert!(element.has_attribute(*attribute), "<{name}> without {attribute}");
    }
    for attribute in element.attributes() {
        let known = required.contains(&attribute.name()) || optional.contains(&attribute.name());
        assert!(known, "<{name}> has no {}", attribute.name());
        if attribute.name() == "time" {
            let (seconds, parts) = attribute.value().split_once('.').unwrap_or((attribute.value(), ""));
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            assert!(
                !seconds.is_empty() && digits(seconds) && digits(parts) && parts.len() <= 3,
                "{attribute:?}"
            );
        }
    }
    let children: Vec<_> = element.children().filter(Node::is_element).collect();
    for child in &children {
        assert!(within.contains(&child.tag_name().name()), "<{}> within <{name}>", child.tag_name().name());
    }
    if name == "testcase" {
        let ends = ["failure", "error", "skipped"];
        let ended: Vec<_> = children.iter().filter(|child| ends.contains(&child.tag_name().name())).collect();
        assert!(ended.len() <= 1, "a case that ended in two ways");
        let told = |end: &&&Node<'_, '_>| end.text().is_some() || end.attribute("message") == Some("");
        assert_eq!(ended.iter().filter(told).count(), ended.len(), "an end of which GitLab tells nothing");
    }
}
