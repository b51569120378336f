//! `cargo xtask demo`.

use std::process::Stdio;

use crate::{command, failure::Failure, needs::Group, netsplit, setup};

/// Cut a real primary's PostgreSQL port and watch the cluster fail over; takes the lab down in any case.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// A lab of its own: one that is already up stays as it is.
const LAB: &str = "demo";

const SCENARIO: &str = "policies/scenarios/primary-5432-drop.toml";

pub(crate) fn run(_args: &Args) -> Result<(), Failure> {
    if !command::is_root() {
        return Err(Failure::HostCannot(format!(
            "the demo makes network namespaces and loads eBPF programs: run it {}, or in a virtual machine",
            command::AS_ROOT
        )));
    }
    setup::ensure(&[Group::Servers])?;
    eprintln!("building netsplit, as target/debug/netsplit …");
    netsplit::build()?;

    // What an earlier demo left that was killed.
    command::run_quietly(netsplit::call()?.args(["lab", "down", "--name", LAB]))?;
    let shown = show();
    say("3/3", "and everything down again", "lab down");
    let down = command::tidy(netsplit::call()?.args(["lab", "down", "--name", LAB]));
    shown.and(down)
}

fn show() -> Result<(), Failure> {
    say("1/3", "a PostgreSQL cluster under Patroni, in network namespaces", "lab up --timings fast");
    command::run(
        netsplit::call()?.args(["lab", "up", "--timings", "fast", "--name", LAB]).stdout(Stdio::null()),
    )?;
    let inventory = format!("/var/lib/netsplit/lab/{LAB}/inventory.toml");
    say("2/3", "its primary's port 5432 is cut, for about two minutes in all", &format!("run {SCENARIO}"));
    command::run(netsplit::call()?.args(["run", SCENARIO, "--cluster", &inventory]))
}

/// What comes, and how a person does the same by hand.
fn say(part: &str, what: &str, by_hand: &str) {
    eprintln!("\n── {part}  {what}\n         netsplit {by_hand}");
}
