//! `netsplit check`.

use super::ExitCode;

/// Parse and validate policies, scenarios and inventories; touches nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args) -> miette::Result<ExitCode> {
    todo!()
}
