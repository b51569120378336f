//! `cargo xtask torture`: the test `left_behind` at length.

use crate::{command, failure::Failure, needs::Group, setup};

/// Kill, stop, race and undermine netsplit at random moments, and see that nothing is ever left behind.
///
/// It ends every cut of this machine again and again: not for one where others' cuts are in force. Whatever else
/// it makes lives in mount and network namespaces of its own.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many rounds
    #[arg(long, default_value_t = 1000)]
    rounds: u64,
    /// What chance follows from; printed, so that a run can be repeated [default: the clock]
    #[arg(long)]
    seed: Option<u64>,
    /// The number of the first round: what a failure names, to repeat just that
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Only by this backend or flavour of it: xdp, tc, tcx, clsact, nft, auto
    #[arg(long)]
    backend: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if !command::is_root() {
        return Err(Failure::HostCannot(format!(
            "the torture makes namespaces and loads eBPF programs: run it {}",
            command::AS_ROOT
        )));
    }
    setup::ensure(&[Group::Kernel])?;
    let mut cargo = command::cargo();
    cargo.args(["test", "--package", "probe-user", "--features", "kernel-tests", "--test", "left_behind"]);
    cargo.args(["--", "--nocapture", "nothing_is_left_behind"]);
    cargo.env("NETSPLIT_TORTURE_ROUNDS", args.rounds.to_string());
    cargo.env("NETSPLIT_TORTURE_FIRST", args.first.to_string());
    if let Some(seed) = args.seed {
        cargo.env("NETSPLIT_TORTURE_SEED", seed.to_string());
    }
    if let Some(backend) = &args.backend {
        cargo.env("NETSPLIT_TORTURE_BACKEND", backend);
    }
    command::run(&mut cargo)
}
