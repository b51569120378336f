//! `netsplit check`.

mod file;
mod output;
mod search;

use std::{io, path::PathBuf};

use super::ExitCode;
pub(super) use output::Verdicts;
use output::{Format, Output};

/// Parse and validate policies, scenarios, suites and inventories; touches nothing.
///
/// What is good is listed on stdout, what is not is explained on stderr, at its place and with the way out. Exits with 2
/// if any file is bad.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  netsplit check policies
  netsplit check policies/cuts/primary-5432-drop.toml
  netsplit check --format json my-policy.toml
  netsplit check - < my-policy.toml")]
pub(super) struct Args {
    /// Files, folders (every .toml in them, hidden ones left out), or - for stdin
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// How to tell the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let mut output = Output::new(args.format, io::stdout(), io::stderr());
    for path in &args.paths {
        for (name, text) in search::texts(path) {
            output.tell(&name, text.and_then(|text| Ok(file::check(&name, &text)?)));
        }
    }
    output.finish()
}
