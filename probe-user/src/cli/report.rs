//! `netsplit report`.

use std::path::PathBuf;

use super::{
    ExitCode,
    run::{Format, exit_code, show},
};
use crate::report::{ReportError, rebuild, write};

/// Rebuild every report of a run from its recorded events.
///
/// The run is judged anew; exits as the run itself would.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run directory.
    #[arg(value_name = "RUN_DIR")]
    run: PathBuf,
    /// What to print: the timeline, or result.json.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let result = rebuild(&args.run)?;
    let paths = write(&args.run, &result).map_err(|error: ReportError| miette::Report::from_err(error))?;
    show(&result, &paths, args.format)?;
    Ok(exit_code(&result))
}
