//! A topology as TOML.

use std::fmt::{self, Write};

use super::{
    super::print::{quoted, write_list, write_terms},
    Member, Shape, Topology,
};

impl Topology {
    /// The topology as a file would say it.
    pub(in crate::policy) fn write(&self, toml: &mut String) -> fmt::Result {
        write!(toml, "\n[[topology]]\nkind = {}\n", quoted(self.shape.kind()))?;
        match &self.shape {
            Shape::Split { groups } => write_groups(toml, groups)?,
            Shape::Isolate { node, from } => {
                writeln!(toml, "node = {}", quoted(node))?;
                write_members(toml, "from", from)?;
            }
            Shape::Majority { minority, keep } => {
                write_members(toml, "minority", minority)?;
                write_members(toml, "keep", keep)?;
            }
            Shape::Bridge { node, groups } => {
                writeln!(toml, "node = {}", quoted(node))?;
                write_groups(toml, groups)?;
            }
            Shape::Ring { nodes } => write_members(toml, "nodes", nodes)?,
            Shape::OneWay { from, to } => {
                write_members(toml, "from", from)?;
                write_members(toml, "to", to)?;
            }
            Shape::Edge { between } => write_members(toml, "between", between)?,
        }
        write_terms(toml, &self.how)
    }
}

fn write_members(toml: &mut String, key: &str, members: &[Member]) -> fmt::Result {
    write_list(toml, key, members, |member| quoted(member))
}

fn write_groups(toml: &mut String, groups: &[Vec<Member>]) -> fmt::Result {
    write_list(toml, "groups", groups, |group| {
        let members: Vec<_> = group.iter().map(quoted).collect();
        format!("[{}]", members.join(", "))
    })
}
