//! Every kind of fault has a page that says what the kernel does, and when.

use std::collections::BTreeSet;

use netsplit::policy::{Action, Flows, Narrowing, Policy, ShapeKind, parse};

use crate::{
    block::{Class, What},
    page::{self, Page},
};

/// What a page has that says all that is to be said of a fault.
const SECTIONS: &[&str] =
    &["## What the kernel does", "## What both ends see", "## Who can enforce it", "## Sources"];

fn pages() -> Vec<Page> {
    page::all().into_iter().filter(|page| page.name.starts_with("probe-user/manual/faults/")).collect()
}

/// The kinds that a policy is an example of, as its file names them.
fn kinds(policy: &Policy) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    for rule in &policy.rules {
        kinds.extend(
            Action::WORDS.iter().filter(|(_, action)| *action == rule.action).map(|(word, _)| (*word).into()),
        );
        kinds.extend(
            Flows::WORDS.iter().filter(|(_, flows)| *flows == rule.flows).map(|(word, _)| (*word).into()),
        );
        kinds.extend(rule.narrowing.given().into_iter().map(str::to_owned));
        if rule.close_sockets {
            kinds.insert("close_sockets".to_owned());
        }
    }
    kinds.extend(policy.topologies.iter().map(|topology| topology.shape.kind().to_string()));
    kinds
}

#[test]
fn every_kind_has_a_page_with_a_policy_of_it() {
    let mut shown = BTreeSet::new();
    for page in pages() {
        for block in page.blocks() {
            if let What::File { name, text } = block.what
                && name != "inventory.toml"
            {
                let policy = parse(&name, &text).unwrap_or_else(|error| panic!("{}: {error:?}", page.name));
                shown.extend(kinds(&policy));
            }
        }
    }
    let mut wanted: BTreeSet<String> = ["close_sockets".to_owned()].into();
    wanted.extend(Action::WORDS.iter().map(|(word, _)| (*word).to_owned()));
    wanted.extend(Flows::WORDS.iter().map(|(word, _)| (*word).to_owned()));
    wanted.extend(Narrowing::KEYS.iter().map(|key| (*key).to_owned()));
    wanted.extend(ShapeKind::WORDS.iter().map(|(word, _)| (*word).to_owned()));
    let missing: Vec<_> = wanted.difference(&shown).collect();
    assert!(missing.is_empty(), "no page in probe-user/manual/faults has a policy with: {missing:?}");
}

#[test]
fn every_page_says_what_the_kernel_does_and_shows_it() {
    let pages = pages();
    assert!(pages.len() >= 10, "{}", pages.len());
    for page in pages {
        for section in SECTIONS {
            assert!(page.text.lines().any(|line| line == *section), "{}: no section `{section}`", page.name);
        }
        assert!(page.has(Class::Root), "{}: nothing is run that shows it", page.name);
    }
}
