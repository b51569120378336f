//! `apply`: put a cut in force.

use std::path::PathBuf;

use super::read::expression;
use crate::{
    document::{Reported, Table},
    policy::{Policy, read_parts},
    scenario::Expression,
};

/// A cut to put in force.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplyStep {
    /// What `revert` calls it: `as`, or the policy file's name, or `cut`.
    pub name: String,
    /// Who is cut from whom.
    pub source: CutSource,
    /// The lease; without one, the rest of the scenario and a margin.
    pub lease: Option<Expression>,
    /// A run in which it hits no packet proves nothing: `invalid`.
    pub must_hit: bool,
}

/// Where a cut's rules stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CutSource {
    /// In a policy file; the path is relative to the scenario's folder.
    File(PathBuf),
    /// In the step itself, as `[[step.rule]]` and `[[step.topology]]`.
    Inline(Policy),
}

impl ApplyStep {
    /// Whether the table is such a step.
    pub(super) fn recognises(table: &Table<'_>) -> bool {
        ["apply", "rule", "topology"].iter().any(|key| table.has(key))
    }

    pub(super) fn read(table: &Table<'_>) -> Result<Self, Reported> {
        let file = table.optional("apply");
        let inline = table.optional("rule").or_else(|| table.optional("topology"));
        let name = table.optional("as").map(|value| value.text()).transpose();
        let lease = table.optional("for").map(expression).transpose();
        let must_hit = table.optional("must_hit").map_or(Ok(true), |value| value.boolean());
        let (source, default) = match (file, inline) {
            (Some(file), Some(rules)) => {
                return Err(rules.refuse(
                    "a cut comes from a file or from rules here, not from both",
                    format!("the step has `apply = \"{}\"`, too", file.as_text().unwrap_or_default()),
                    "make it two steps",
                ));
            }
            (Some(file), None) => {
                let path = PathBuf::from(file.text()?);
                let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
                (CutSource::File(path), stem.unwrap_or_default())
            }
            (None, Some(_)) => {
                let (rules, topologies) = read_parts(table)?;
                let description = name?.unwrap_or("a cut").to_owned();
                (CutSource::Inline(Policy { description, rules, topologies }), "cut".to_owned())
            }
            (None, None) => (
                CutSource::File(table.required("apply", "name a policy file")?.text()?.into()),
                String::new(),
            ),
        };
        Ok(Self { name: name?.map_or(default, str::to_owned), source, lease: lease?, must_hit: must_hit? })
    }
}
