//! `netsplit apply`.

use super::ExitCode;

/// Put a cut in force, and print its id.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args) -> miette::Result<ExitCode> {
    todo!()
}
