//! stdout: data, and nothing else. stderr: talk.

use std::io::{self, Write};

use clap::ValueEnum;
use miette::IntoDiagnostic;
use serde::Serialize;

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs; stable, and versioned by its `schema`.
    Json,
}

/// Says something to whoever watches. A full disk behind stderr is no reason to leave a cut in force, which is what
/// `eprintln!` would do: it panics.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints data. A reader that went away is no error.
pub(super) fn print(text: &str) -> miette::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).into_diagnostic(),
        _ => Ok(()),
    }
}

/// Prints a value as indented JSON.
pub(super) fn print_json(value: &impl Serialize) -> miette::Result<()> {
    let text = serde_json::to_string_pretty(value).into_diagnostic()?;
    print(&(text + "\n"))
}
