//! `netsplit schema`.

use std::fmt::Write;

use miette::miette;

use super::{
    ExitCode,
    output::{print, print_json},
};
use crate::{
    document::{list_of, nearest},
    schema::documents,
};

/// Print the JSON schema of a file that netsplit reads or writes, or of what a verb prints.
///
/// Without a name, lists them. Editors check and complete TOML files by a line at their top, such as
/// `#:schema policy.json` (Taplo, Even Better TOML).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  netsplit schema
  netsplit schema policy > policy.json")]
pub(super) struct Args {
    /// Which one
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let documents = documents();
    let Some(name) = &args.name else {
        let mut list = String::new();
        for document in documents {
            // Writing to a string cannot fail.
            let _ = writeln!(list, "{:18} {}", document.name, document.title);
        }
        print(&list)?;
        return Ok(ExitCode::Success);
    };
    let names = || documents.iter().map(|document| document.name);
    let Some(document) = documents.iter().find(|document| document.name == name) else {
        let help = match nearest(name, names()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", list_of(names(), "and")),
        };
        return Err(miette!(help = help, "there is no schema `{name}`"));
    };
    print_json(&document.schema())?;
    Ok(ExitCode::Success)
}
