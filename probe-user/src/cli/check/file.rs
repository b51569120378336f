//! What kind a file is of, and whether it is a good one.

use std::{fmt, path::Path};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    cluster::Inventory,
    document::{self, Problem, Rejected, Table, nearest},
    policy,
    scenario::Scenario,
    suite::{SuiteFile, scenario_names},
};

/// The kinds of files, told apart by the tables that each must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// `[[rule]]` or `[[topology]]`
    Policy,
    /// `[[step]]`
    Scenario,
    /// `[[node]]`
    Inventory,
    /// `[[section]]`
    Suite,
}

/// Such as `policy, 2 rules: what it is about`, on one line.
impl fmt::Display for Good {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, part) = match self.kind {
            Kind::Policy => ("policy", "rule"),
            Kind::Scenario => ("scenario", "step"),
            Kind::Inventory => ("inventory", "node"),
            Kind::Suite => ("suite", "section"),
        };
        let plural = if self.size == 1 { "" } else { "s" };
        write!(f, "{kind}")?;
        if self.size > 0 || self.topologies == 0 {
            write!(f, ", {} {part}{plural}", self.size)?;
        }
        match self.topologies {
            0 => {}
            1 => f.write_str(", 1 topology")?,
            several => write!(f, ", {several} topologies")?,
        }
        f.write_str(":")?;
        // A description may have line breaks and escape sequences.
        let words = self.description.split(|c: char| c.is_whitespace() || c.is_control());
        words.filter(|word| !word.is_empty()).try_for_each(|word| write!(f, " {word}"))
    }
}

impl Kind {
    const TABLES: &[(&str, Self)] = &[
        ("rule", Self::Policy),
        ("topology", Self::Policy),
        ("step", Self::Scenario),
        ("node", Self::Inventory),
        ("section", Self::Suite),
    ];
}

/// What is told of a good file.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct Good {
    /// What it is.
    pub(super) kind: Kind,
    /// How many rules, steps, nodes or sections.
    pub(super) size: usize,
    /// How many topologies, in a policy that has any.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) topologies: usize,
    /// What it says of itself.
    pub(super) description: String,
}

/// Checks one file, whatever its kind.
pub(super) fn check(name: &str, text: &str) -> Result<Good, Rejected> {
    let kind = document::read(name, text, |file| {
        let known = Kind::TABLES.iter().find(|(table, _)| file.has(table));
        known.map(|(_, kind)| *kind).ok_or_else(|| file.problems().report(unknown(&file)))
    })?;
    Ok(match kind {
        Kind::Policy => {
            let policy = policy::parse(name, text)?;
            let (size, topologies) = (policy.rules.len(), policy.topologies.len());
            Good { kind, size, topologies, description: policy.description }
        }
        Kind::Scenario => {
            let id = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
            let scenario = Scenario::parse(name, &id, text)?;
            Good { kind, size: scenario.steps.len(), topologies: 0, description: scenario.title }
        }
        Kind::Inventory => {
            let inventory: Inventory = document::deserialize(name, text)?;
            Good { kind, size: inventory.nodes.len(), topologies: 0, description: inventory.scope }
        }
        Kind::Suite => {
            // Without a folder, as on stdin, nobody knows what scenarios there are.
            let path = Path::new(name);
            let folder = path.parent().filter(|_| path.is_file());
            let folder = folder.map(|folder| if folder == Path::new("") { Path::new(".") } else { folder });
            let names = folder.and_then(|folder| scenario_names(folder).ok());
            let suite = SuiteFile::parse(name, text, names.as_deref())?;
            Good { kind, size: suite.sections.len(), topologies: 0, description: suite.title }
        }
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn unknown(file: &Table<'_>) -> Problem {
    let tables = || Kind::TABLES.iter().map(|(table, _)| *table);
    let misspelt = file.keys().find_map(|key| Some((key, nearest(key, tables())?)));
    let help = match misspelt {
        Some((key, meant)) => format!("did you mean [[{meant}]] where it says `{key}`?"),
        None => "a policy has [[rule]] or [[topology]], a scenario [[step]], an inventory [[node]], a suite [[section]]"
            .to_owned(),
    };
    Problem::new("neither a policy nor a scenario nor an inventory nor a suite")
        .at(file.span(), "nothing here tells what this file is")
        .help(help)
}
