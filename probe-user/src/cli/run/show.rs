//! The end of a run on stdout.

use std::io::{self, IsTerminal};

use comfy_table::Table;
use miette::IntoDiagnostic;

use crate::{
    cli::{ExitCode, output::print},
    report::{Paint, Paths, RunResult, RunVerdict, suite, suite::SuiteResult, terminal},
};

/// How wide a table is where no terminal says.
const WIDTH: u16 = 160;

/// What is printed at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Format {
    /// The timeline, the expectations and the numbers.
    Table,
    /// `result.json`.
    Json,
}

/// Prints a result on stdout, and where its reports are on stderr.
pub(in crate::cli) fn show(result: &RunResult, paths: &Paths, format: Format) -> miette::Result<()> {
    let text = match format {
        Format::Json => result.json().into_diagnostic()?,
        Format::Table => terminal(result, paint(io::stdout().is_terminal())),
    };
    print(&text)?;
    tell(paths);
    Ok(())
}

/// Prints a suite's result on stdout, and where its reports are on stderr.
pub(in crate::cli) fn show_suite(result: &SuiteResult, paths: &Paths, format: Format) -> miette::Result<()> {
    let on_terminal = io::stdout().is_terminal();
    let text = match format {
        Format::Json => result.json().into_diagnostic()?,
        Format::Table => suite::terminal(result, paint(on_terminal), width(on_terminal)),
    };
    print(&text)?;
    tell(paths);
    Ok(())
}

/// How wide a table may be.
pub(in crate::cli) fn width(on_terminal: bool) -> u16 {
    on_terminal.then(|| Table::new().width()).flatten().unwrap_or(WIDTH)
}

fn tell(paths: &Paths) {
    eprintln!("reports: {}", paths.markdown.display());
    for path in [&paths.html, &paths.json, &paths.junit] {
        eprintln!("         {}", path.display());
    }
}

/// Colors for a terminal whose owner has not refused them (<https://no-color.org>).
pub(in crate::cli) fn paint(terminal: bool) -> Paint {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if terminal && !refused { Paint::Colors } else { Paint::Plain }
}

/// What scripts read of a result.
pub(in crate::cli) fn exit_code(result: &RunResult) -> ExitCode {
    match result.verdict {
        _ if result.interrupted => ExitCode::Interrupted,
        RunVerdict::Pass => ExitCode::Success,
        RunVerdict::Fail => ExitCode::ExpectationFailed,
        RunVerdict::Invalid => ExitCode::RunInvalid,
        RunVerdict::Error => ExitCode::HostCannot,
    }
}
