//! `netsplit hold`: the process that holds delayed packets. Nobody types it.

use std::io;

use super::ExitCode;
use crate::backend::datapath::serve;

/// Hold the packets of rules that delay. `netsplit apply` starts it, and tells it what to do.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> ExitCode {
    // What went wrong was told to whoever started it.
    match serve(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::Success,
        Err(_) => ExitCode::HostCannot,
    }
}
