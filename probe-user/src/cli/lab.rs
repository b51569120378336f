//! `netsplit lab`.

use super::ExitCode;

/// Bring the embedded Patroni cluster up or down, and look into it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args) -> miette::Result<ExitCode> {
    todo!()
}
