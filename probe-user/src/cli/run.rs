//! `netsplit run`.

use super::ExitCode;

/// Run scenarios: act, observe, judge, and always revert.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args) -> miette::Result<ExitCode> {
    todo!()
}
