//! `netsplit report`.

use std::path::PathBuf;

use super::{
    ExitCode,
    run::{Format, exit_code, show, show_suite, suite_exit_code},
};
use crate::{
    compare::JOURNAL as COMPARISON,
    report::{ReportError, rebuild, suite, write},
    suite::JOURNAL,
};

/// Rebuild every report of a run, a suite or a comparison from what was recorded.
///
/// It is judged anew; exits as the run itself would.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run directory, a suite's, or a comparison's.
    #[arg(value_name = "DIR")]
    run: PathBuf,
    /// What to print: the timeline or the tables, or result.json.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let report = |error: ReportError| miette::Report::from_err(error);
    if args.run.join(JOURNAL).exists() {
        let (result, runs) = suite::rebuild(&args.run)?;
        let paths = suite::write(&args.run, &result, &runs).map_err(report)?;
        show_suite(&result, &paths, args.format)?;
        return Ok(suite_exit_code(&result));
    }
    if args.run.join(COMPARISON).exists() {
        return super::compare::show_again(&args.run, args.format);
    }
    let (result, events) = rebuild(&args.run)?;
    let paths = write(&args.run, &result, &events).map_err(report)?;
    show(&result, &paths, args.format)?;
    Ok(exit_code(&result))
}
