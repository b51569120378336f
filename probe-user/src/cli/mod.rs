//! The command line: one file a verb.
//!
//! Data goes to stdout, talk to stderr; [`ExitCode`] is what scripts read.

mod apply;
mod check;
mod compare;
mod doctor;
mod exit;
mod explain;
mod hold;
mod interrupt;
mod lab;
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
#[derive(Debug, Parser)]
#[command(name = "netsplit", version, propagate_version = true)]
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
            Verb::Hold(args) => Ok(hold::run(&args)),
        }
    }
}
