//! `netsplit status`.

use super::ExitCode;

/// Show the cuts in force, with their counters and the time left.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args) -> miette::Result<ExitCode> {
    todo!()
}
