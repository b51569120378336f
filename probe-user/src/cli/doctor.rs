//! `netsplit doctor`.

use super::ExitCode;

/// Say what this kernel and host can and cannot do, and how to mend it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args) -> miette::Result<ExitCode> {
    todo!()
}
