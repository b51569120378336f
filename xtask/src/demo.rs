//! `cargo xtask demo`.

use std::{path::PathBuf, process::Command};

use crate::{command, failure::Failure, needs::Group, setup};

/// Cut a real primary's PostgreSQL port and watch the cluster fail over; takes the lab down in any case.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// A lab of its own: one that is already up stays as it is.
const LAB: &str = "demo";

const SCENARIO: &str = "policies/scenarios/primary-5432-drop.toml";

pub(crate) fn run(_args: &Args) -> Result<(), Failure> {
    if !command::is_root() {
        return Err(Failure::HostCannot(
            "the demo needs root: it makes network namespaces and loads eBPF programs. Run it with sudo, or as \
             root in a virtual machine"
                .to_owned(),
        ));
    }
    setup::ensure(&[Group::Servers])?;
    command::run(command::cargo().args(["build", "--release", "--package", "probe-user"]))?;

    // What an earlier demo left that was killed.
    command::tidy(netsplit().args(["lab", "down", "--name", LAB]))?;
    let shown = show();
    let down = command::tidy(netsplit().args(["lab", "down", "--name", LAB]));
    shown.and(down)
}

fn show() -> Result<(), Failure> {
    command::run(netsplit().args(["lab", "up", "--timings", "fast", "--name", LAB]))?;
    let inventory = format!("/var/lib/netsplit/lab/{LAB}/inventory.toml");
    command::run(netsplit().args(["run", SCENARIO, "--cluster", &inventory]))
}

fn netsplit() -> Command {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from);
    let mut command = Command::new(target.join("release/netsplit"));
    command.current_dir(crate::root());
    command
}
