//! `netsplit report`.

use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, miette};

use super::{
    ExitCode,
    output::print,
    run::{Format as Shown, exit_code, show, show_suite, suite_exit_code},
};
use crate::{
    compare::JOURNAL as COMPARISON,
    exposition::Dialect,
    record::Event,
    report::{Paths, ReportError, RunResult, exposition, rebuild, suite, trace_events, write},
    suite::JOURNAL,
};

/// Rebuild every report of a run, a suite or a comparison from what was recorded.
///
/// It is judged anew; exits as the run itself would.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  netsplit report runs/20261122T120000Z-primary-5432-drop
  netsplit report runs/20261122T120000Z-patroni-ha --format prometheus > netsplit.prom
  netsplit report runs/20261122T120000Z-primary-5432-drop --format trace > trace.json")]
pub(super) struct Args {
    /// The run directory, a suite's, or a comparison's.
    #[arg(value_name = "DIR")]
    run: PathBuf,
    /// What to print.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// What is printed besides the reports that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The timeline, or the suite's table.
    Table,
    /// `result.json`.
    Json,
    /// The numbers for Prometheus, when it scrapes.
    #[value(name = "openmetrics")]
    OpenMetrics,
    /// The numbers for Prometheus by way of a push gateway or a textfile collector.
    Prometheus,
    /// The run in Chrome's Trace Event Format, which Perfetto opens.
    Trace,
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let report = |error: ReportError| miette::Report::from_err(error);
    if args.run.join(JOURNAL).exists() {
        if args.format == Format::Trace {
            return Err(several(&args.run, "a suite", "a trace"));
        }
        let (result, runs) = suite::rebuild(&args.run)?;
        let paths = suite::write(&args.run, &result, &runs).map_err(report)?;
        let numbers = |dialect| suite::exposition(&result, &runs).text(dialect).into_diagnostic();
        match args.format {
            Format::Table => show_suite(&result, &paths, Shown::Table)?,
            Format::Json => show_suite(&result, &paths, Shown::Json)?,
            Format::OpenMetrics => print(&numbers(Dialect::OpenMetrics)?)?,
            Format::Prometheus => print(&numbers(Dialect::Prometheus)?)?,
            // Refused above.
            Format::Trace => {}
        }
        return Ok(suite_exit_code(&result));
    }
    if args.run.join(COMPARISON).exists() {
        let format = match args.format {
            Format::Table => Shown::Table,
            Format::Json => Shown::Json,
            Format::OpenMetrics | Format::Prometheus => {
                return Err(several(&args.run, "a comparison", "what Prometheus takes"));
            }
            Format::Trace => return Err(several(&args.run, "a comparison", "a trace")),
        };
        return super::compare::show_again(&args.run, format);
    }
    let (result, events) = rebuild(&args.run)?;
    let paths = write(&args.run, &result, &events).map_err(report)?;
    tell(&result, &events, &paths, args.format)?;
    Ok(exit_code(&result))
}

/// Says that it is one run's.
fn several(directory: &Path, what: &str, format: &str) -> miette::Report {
    let directory = directory.display();
    miette!(
        help = format!("name one of the runs in {directory}"),
        "{directory} holds {what}, and {format} is of one run"
    )
}

fn tell(result: &RunResult, events: &[Event], paths: &Paths, format: Format) -> miette::Result<()> {
    let numbers = |dialect| exposition(result).text(dialect).into_diagnostic();
    match format {
        Format::Table => show(result, paths, Shown::Table),
        Format::Json => show(result, paths, Shown::Json),
        Format::OpenMetrics => print(&numbers(Dialect::OpenMetrics)?),
        Format::Prometheus => print(&numbers(Dialect::Prometheus)?),
        Format::Trace => print(&trace_events(result, events).map_err(miette::Report::from_err)?),
    }
}
