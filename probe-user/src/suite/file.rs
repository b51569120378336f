//! `suite.toml`: what a folder's scenarios are together, and in what order they run.

use std::path::Path;

use super::natural;
use crate::document::{self, Problem, Rejected, Reported, Table, Value, nearest};

/// What the file is called.
pub const SUITE_FILE: &str = "suite.toml";

/// A suite's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuiteFile {
    /// What is tested, in a line.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// What written procedure it is.
    pub source: Option<String>,
    /// Its parts; at least one.
    pub sections: Vec<SectionFile>,
}

/// A `[[section]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionFile {
    /// Its heading.
    pub title: String,
    /// Names of scenario files without `.toml`, in the order in which they run; at least one.
    pub scenarios: Vec<String>,
}

/// The names of the scenario files in a folder, without `.toml`, in the order in which people count.
pub fn scenario_names(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == SUITE_FILE || name.starts_with('.') || path.is_dir() {
            continue;
        }
        names.extend(name.strip_suffix(".toml").map(str::to_owned));
    }
    names.sort_by(|one, other| natural::compare(one, other));
    Ok(names)
}

impl SuiteFile {
    /// Reads a suite's file. `name` is what messages call the text; `folder` has the names of the scenarios beside
    /// it, if they are known: each must stand in one section.
    pub fn parse(name: &str, text: &str, folder: Option<&[String]>) -> Result<Self, Rejected> {
        document::read(name, text, |file| suite(file.named("a suite"), folder))
    }
}

fn suite(file: Table<'_>, folder: Option<&[String]>) -> Result<SuiteFile, Reported> {
    let title = file.required("title", "say in a line what is tested").and_then(|value| value.text());
    let text = |key| file.optional(key).map(|value| value.text()).transpose();
    let (description, source) = (text("description"), text("source"));
    let sections = sections(&file, folder);
    file.finish();
    Ok(SuiteFile {
        title: title?.to_owned(),
        description: description?.map(|text| text.trim().to_owned()),
        source: source?.map(|text| text.trim().to_owned()),
        sections: sections?,
    })
}

fn sections(file: &Table<'_>, folder: Option<&[String]>) -> Result<Vec<SectionFile>, Reported> {
    let value = file.required("section", "head each section with [[section]] on a line of its own")?;
    let tables = value.tables("a section")?;
    let Some(last) = tables.last().map(Table::span) else {
        return Err(value.refuse(
            "a suite without sections",
            "nothing runs",
            "write at least one [[section]]",
        ));
    };
    let mut names = Names { folder, seen: Vec::new() };
    let read: Vec<_> = tables.into_iter().map(|table| section(table, &mut names)).collect();
    let sections = read.into_iter().collect::<Result<Vec<_>, _>>()?;
    let seen: Vec<&str> = names.seen.iter().map(|(name, _)| *name).collect();
    let forgotten = folder.unwrap_or_default().iter().filter(|name| !seen.contains(&name.as_str()));
    let reported = forgotten.map(|name| {
        file.problems().report(
            Problem::new(format!("no section has the scenario `{name}`"))
                .at(last, "nor does the last one")
                .help(format!("name it in a section, or move {name}.toml to another folder")),
        )
    });
    reported.last().map_or(Ok(sections), Err)
}

fn section<'d>(table: Table<'d>, names: &mut Names<'d, '_>) -> Result<SectionFile, Reported> {
    let title = table.required("title", "give the section a heading").and_then(|value| value.text());
    let help = "name the scenarios' files without .toml, as in scenarios = [\"log-1\"]";
    let scenarios = table.required("scenarios", help).and_then(|value| {
        let entries = value.list()?;
        if entries.is_empty() {
            return Err(value.refuse("a section without scenarios", "nothing runs", help));
        }
        let read: Vec<_> = entries.iter().map(|entry| names.take(entry)).collect();
        read.into_iter().collect()
    });
    table.finish();
    Ok(SectionFile { title: title?.to_owned(), scenarios: scenarios? })
}

/// The names in sections so far, each with its place.
struct Names<'d, 'f> {
    folder: Option<&'f [String]>,
    seen: Vec<(&'d str, Value<'d>)>,
}

impl<'d> Names<'d, '_> {
    fn take(&mut self, value: &Value<'d>) -> Result<String, Reported> {
        let name = value.text()?;
        if let Some((_, first)) = self.seen.iter().find(|(seen, _)| *seen == name) {
            return Err(value.problems().report(
                Problem::new(format!("`{name}` is named twice"))
                    .at(value.span(), "the second time")
                    .at(first.span(), "the first time")
                    .help("leave one of them out; `--repeat` runs a suite several times"),
            ));
        }
        self.seen.push((name, *value));
        let Some(folder) = self.folder else { return Ok(name.to_owned()) };
        if folder.iter().any(|known| known == name) {
            return Ok(name.to_owned());
        }
        let bare = name.strip_suffix(".toml").unwrap_or(name);
        let meant = folder.iter().find(|known| *known == bare).map(String::as_str);
        let help = match meant.or_else(|| nearest(name, folder.iter().map(String::as_str))) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("write {name}.toml in this folder, or leave the name out"),
        };
        Err(value.refuse(format!("there is no scenario `{name}` in the folder"), "no such file", help))
    }
}
