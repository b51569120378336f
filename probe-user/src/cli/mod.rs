//! The command line: one file a verb.
//!
//! Data goes to stdout, talk to stderr; [`ExitCode`] is what scripts read.

mod apply;
mod check;
mod compare;
mod completions;
mod doctor;
mod examples;
mod exit;
mod explain;
mod hold;
mod interrupt;
mod lab;
mod man;
mod output;
mod planned;
mod printed;
mod protect;
mod report;
mod revert;
mod run;
mod schema;
mod status;
mod watch;

use clap::{Parser, Subcommand};
pub use exit::{ExitCode, HostCannot};
pub(crate) use printed::printed_documents;

/// Cuts a cluster on purpose, in the kernel, and records what the cluster does about it.
///
/// A policy says who can no longer reach whom, on which ports, and how: packets vanish (drop), are refused by ICMP (reject)
/// or reset (reset), or worse. `apply` puts one in force, always for a limited time; `run` does so to a cluster that it
/// watches, and judges what the cluster did. The first cluster is PostgreSQL under Patroni, and `lab` makes one of its own.
///
/// Where to begin: `doctor` says what works on this machine, `lab up` makes a cluster, `run` a scenario shows the rest.
#[derive(Debug, Parser)]
#[command(name = "netsplit", version, propagate_version = true)]
#[command(after_help = "Examples:
  netsplit doctor
  netsplit lab up --timings fast
  netsplit run policies/scenarios/primary-5432-drop.toml
  netsplit apply --ports 5432 --action drop --for 30s
  netsplit revert --all

Exit codes:
  0    as expected
  1    an expectation failed
  2    bad usage or a bad file
  3    this host cannot
  4    the run is invalid: a cut never hit a packet, or leaked
  130  interrupted, and reverted

`netsplit VERB --help` says more of each, with examples. The manual is probe-user/manual, and begins with a tutorial.")]
pub struct Cli {
    /// Say more on stderr; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Args),
    Explain(explain::Args),
    Apply(apply::Args),
    Revert(revert::Args),
    Status(status::Args),
    Run(run::Args),
    Compare(compare::Args),
    Watch(watch::Args),
    Report(report::Args),
    Lab(lab::Args),
    Doctor(doctor::Args),
    Schema(schema::Args),
    Man(man::Args),
    Completions(completions::Args),
    #[command(hide = true)]
    Hold(hold::Args),
}

impl Cli {
    /// Does what the command line asks.
    pub fn run(self) -> miette::Result<ExitCode> {
        match self.verb {
            Verb::Check(args) => check::run(&args),
            Verb::Explain(args) => explain::run(&args),
            Verb::Apply(args) => apply::run(&args),
            Verb::Revert(args) => revert::run(&args),
            Verb::Status(args) => status::run(&args),
            Verb::Run(args) => run::run(&args, self.verbose),
            Verb::Compare(args) => compare::run(&args),
            Verb::Watch(args) => watch::run(&args),
            Verb::Report(args) => report::run(&args),
            Verb::Lab(args) => lab::run(&args),
            Verb::Doctor(args) => doctor::run(&args),
            Verb::Schema(args) => schema::run(&args),
            Verb::Man(args) => man::run(&args),
            Verb::Completions(args) => completions::run(&args),
            Verb::Hold(args) => Ok(hold::run(&args)),
        }
    }
}
