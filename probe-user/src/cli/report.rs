//! `netsplit report`.

use super::ExitCode;

/// Rebuild every report of a run from its recorded events.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args) -> miette::Result<ExitCode> {
    todo!()
}
