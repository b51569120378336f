//! A suite, from the command line to its exit code.

use super::{Args, show::show_suite, tour::Tour};
use crate::{
    cli::ExitCode,
    report::suite::{SuiteResult, SuiteVerdict},
    suite::{Labs, Manner, Suite, run as run_suite},
};

pub(super) fn run(
    args: &Args,
    suite: &Suite,
    labs: &mut Labs<'_>,
    stop: &(dyn Fn() -> bool + Sync),
    verbose: u8,
) -> miette::Result<ExitCode> {
    let directory = args.directory(&suite.id);
    let manner = Manner { repeat: args.repeat, go_on: args.go_on() };
    let mut tour = Tour::begin(suite, &directory, verbose > 0);
    let outcome = run_suite(suite, manner, &directory, labs, stop, &mut tour);
    tour.end();
    let (result, paths) = outcome?;
    show_suite(&result, &paths, args.format)?;
    Ok(exit_code(&result))
}

/// What scripts read of a suite.
pub(in crate::cli) fn exit_code(result: &SuiteResult) -> ExitCode {
    match result.verdict {
        SuiteVerdict::Pass => ExitCode::Success,
        SuiteVerdict::Fail => ExitCode::ExpectationFailed,
        SuiteVerdict::Invalid => ExitCode::RunInvalid,
        SuiteVerdict::Error | SuiteVerdict::NotRun => ExitCode::HostCannot,
        SuiteVerdict::Interrupted => ExitCode::Interrupted,
    }
}
