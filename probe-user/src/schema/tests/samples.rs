//! Good files of every kind that people write: those that are shipped, and some that say all there is to say.

use std::{fs, path::Path};

use crate::{cluster::Inventory, document::Rejected, policy, scenario::Scenario, suite::SuiteFile};

/// A kind of file, by its schema's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Policy,
    Scenario,
    Suite,
    Inventory,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Policy, Self::Scenario, Self::Suite, Self::Inventory];

    pub(super) fn schema(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Scenario => "scenario",
            Self::Suite => "suite",
            Self::Inventory => "inventory",
        }
    }

    /// The messages of whoever reads such a file; none where it is good.
    pub(super) fn read(self, text: &str) -> Vec<String> {
        self.read_with_help(text).into_iter().map(|(message, _)| message).collect()
    }

    /// The same, each with the way out.
    pub(super) fn read_with_help(self, text: &str) -> Vec<(String, String)> {
        let told = |rejected: Rejected| -> Vec<_> {
            let problems = rejected.problems().iter();
            problems
                .map(|problem| {
                    (problem.message().to_owned(), problem.way_out().unwrap_or_default().to_owned())
                })
                .collect()
        };
        match self {
            Self::Policy => policy::parse("x.toml", text).err().map(told).unwrap_or_default(),
            Self::Scenario => Scenario::parse("x.toml", "x", text).err().map(told).unwrap_or_default(),
            Self::Suite => SuiteFile::parse("suite.toml", text, None).err().map(told).unwrap_or_default(),
            Self::Inventory => {
                // serde says both in one sentence.
                let error = Inventory::parse(text, "x.toml").err().map(|error| error.to_string());
                error.map(|error| (error.clone(), error)).into_iter().collect()
            }
        }
    }
}

/// Small files, each with one thing, that say all there is to say.
pub(super) fn small() -> Vec<(Kind, String)> {
    let each = |text: &'static str| text.trim().split("\n\n");
    let policies = each(RULES).chain(each(TOPOLOGIES)).map(|part| (Kind::Policy, part.to_owned()));
    let cut = "title = 'x'\n[[step]]\napply = 'x.toml'\nas = 'cut'\n";
    let steps = each(STEPS).map(|step| format!("{cut}{step}\n[[expect]]\nthat = 'writes-continue'\n"));
    let expectations = each(EXPECTATIONS).map(|one| format!("{cut}[[step]]\nrevert = true\n{one}\n"));
    let scenarios = steps.chain(expectations).map(|text| (Kind::Scenario, text));
    let others = [(Kind::Scenario, SCENARIO), (Kind::Suite, SUITE), (Kind::Inventory, INVENTORY)];
    let others = others.map(|(kind, text)| (kind, text.to_owned()));
    let policy = format!("description = 'all'\n{RULES}\n{TOPOLOGIES}");
    policies.chain(scenarios).chain(others).chain([(Kind::Policy, policy)]).collect()
}

/// All of `policies`.
pub(super) fn shipped() -> Vec<(Kind, String)> {
    let mut files = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    for entry in fs::read_dir(folder).expect("the policies") {
        for file in fs::read_dir(entry.expect("a folder").path()).expect("its files") {
            let path = file.expect("a file").path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let text = fs::read_to_string(&path).expect("text");
            let kind = match () {
                () if path.ends_with("suite.toml") => Kind::Suite,
                () if text.contains("[[step]]") => Kind::Scenario,
                () => Kind::Policy,
            };
            files.push((kind, text));
        }
    }
    assert!(files.len() > 50, "the policies are there");
    files
}

/// A rule a paragraph.
const RULES: &str = include_str!("samples/rules.toml");

/// A topology a paragraph.
const TOPOLOGIES: &str = include_str!("samples/topologies.toml");

/// A scenario, but for what steps and expectations can say.
const SCENARIO: &str = include_str!("samples/scenario.toml");

/// A step a paragraph.
const STEPS: &str = include_str!("samples/steps.toml");

/// An expectation a paragraph.
const EXPECTATIONS: &str = include_str!("samples/expectations.toml");

const SUITE: &str = include_str!("samples/suite.toml");

const INVENTORY: &str = include_str!("samples/inventory.toml");
