//! `netsplit revert`.

use super::ExitCode;

/// Take cuts away, and nothing that netsplit did not put there.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args) -> miette::Result<ExitCode> {
    todo!()
}
