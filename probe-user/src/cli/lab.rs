//! `netsplit lab`.

mod status;
mod up;

use std::ffi::OsString;

use clap::Subcommand;
pub(super) use up::Preset;

use super::{ExitCode, HostCannot, output::print};
use crate::lab::{self, Host, Lab, LabError, LabName};

/// Bring the embedded Patroni cluster up or down, and look into it.
///
/// Three PostgreSQL nodes under Patroni (pg1, pg2, pg3), etcd (dcs), `HAProxy` (ha) and an observer (mon), each in a network
/// namespace of its own. `cargo xtask setup` installs what they need. Other commands take the lab that is up for their
/// cluster.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  netsplit lab up --timings fast
  netsplit lab status
  netsplit lab exec mon -- patronictl list
  netsplit lab down")]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Up(up::Args),
    Down(Down),
    Status(status::Args),
    Exec(Exec),
    /// Print the names of the labs that are up, one a line.
    #[command(after_help = "Examples:\n  netsplit lab list")]
    List,
}

/// Take a lab down: its processes, its network namespaces and its files.
///
/// It is no mistake if there is none.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  netsplit lab down
  netsplit lab down --name two")]
struct Down {
    #[command(flatten)]
    lab: Name,
}

/// Which lab.
#[derive(Debug, clap::Args)]
struct Name {
    /// The lab's name; labs with different names do not touch each other.
    #[arg(long, default_value_t, value_name = "NAME")]
    name: LabName,
}

/// Run a command on one of the lab's machines.
///
/// It replaces netsplit, so its exit code is the command's. On a PostgreSQL node `psql` reaches the node's own server.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  netsplit lab exec pg1 -- psql\n  netsplit lab exec mon -- patronictl list\n  netsplit lab exec ha -- ss -tn"
)]
struct Exec {
    #[command(flatten)]
    lab: Name,
    /// The machine.
    node: Host,
    /// The command and its arguments; `psql`, `patronictl` and `etcdctl` need none.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    match &args.verb {
        Verb::Up(args) => up::run(args),
        Verb::Down(args) => down(&args.lab),
        Verb::Status(args) => status::run(args),
        Verb::Exec(args) => exec(args),
        Verb::List => list(),
    }
}

fn down(args: &Name) -> miette::Result<ExitCode> {
    if Lab::remove(&args.name).map_err(report)? {
        eprintln!("lab `{}` is down", args.name);
    } else {
        eprintln!("there was no lab `{}`", args.name);
    }
    Ok(ExitCode::Success)
}

fn exec(args: &Exec) -> miette::Result<ExitCode> {
    let lab = Lab::open(&args.lab.name).map_err(report)?;
    let Some((program, rest)) = args.command.split_first() else { return Ok(ExitCode::Usage) };
    Err(report(lab.become_command(args.node, program, rest)))
}

fn list() -> miette::Result<ExitCode> {
    let mut text = String::new();
    for name in lab::list() {
        text.push_str(name.as_str());
        text.push('\n');
    }
    print(&text)?;
    Ok(ExitCode::Success)
}

/// The one place where a lab's error gets its help and its exit code.
pub(super) fn report(error: LabError) -> miette::Report {
    let help = error.help();
    match error {
        LabError::Inventory(error) => error.into(),
        error if error.is_host() => HostCannot::new(error, help).into(),
        error => {
            let report = miette::MietteDiagnostic::new(error.to_string());
            match help {
                Some(help) => report.with_help(help),
                None => report,
            }
            .into()
        }
    }
}
