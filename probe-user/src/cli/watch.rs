//! `netsplit watch`.

mod feed;
mod keys;
pub(super) mod lines;
mod live;
mod suspend;
mod terminal;

use std::{
    env,
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::ValueEnum;
use feed::Feed;
use miette::IntoDiagnostic;
use suspend::Suspend;

use super::{ExitCode, interrupt::Interrupt};
use crate::{lab, screen::Look};

/// Watch a cluster live: who leads, who lags, what is cut, and what changes.
///
/// On a terminal a screen; q or Esc ends it, arrows scroll, Ctrl-Z stops it until `fg`. Elsewhere, and where the
/// terminal cannot place its cursor (TERM=dumb), a line for each change, until whoever reads them goes away or a signal
/// comes. Nothing is written to the cluster, unless --writes asks for it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    netsplit watch\n  \
    netsplit watch --writes\n  \
    netsplit watch --format json | jq -r 'select(.what == \"leader-elected\").to'\n\n\
    lag      WAL that the primary had written 2 s ago and that the standby has not received\n\
    key      the leader key's time to live in etcd, asked for once a second; Patroni renews it every loop_wait\n\
    HAProxy  the proxies that have the node UP\n\n\
    NO_COLOR=1 takes the colours away, LC_ALL=C every sign that is not ASCII.")]
pub(super) struct Args {
    /// The cluster's inventory; without it, the lab's that is up.
    #[arg(long, value_name = "FILE")]
    cluster: Option<PathBuf>,
    /// Also write ten small rows a second through `HAProxy`, as `netsplit run` does, into the table
    /// `netsplit_writes`; they stay.
    #[arg(long)]
    writes: bool,
    /// How changes are told.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How changes are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: a screen on a terminal, lines elsewhere.
    #[default]
    Table,
    /// For programs: a JSON object a line, also on a terminal.
    Json,
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let can_place = env::var("TERM").is_ok_and(|terminal| !terminal.is_empty() && terminal != "dumb");
    let screen = args.format == Format::Table && io::stdout().is_terminal() && can_place;
    // Before there is any other thread.
    let suspend = screen.then(Suspend::catch).transpose().into_diagnostic()?;
    let interrupt = Interrupt::catch().into_diagnostic()?;
    let file = args.cluster.clone().or_else(lab::default_inventory).ok_or_else(no_cluster)?;
    let feed = Feed::begin(file, args.writes)?;
    let look = Look::of(|name| env::var(name).ok());
    match suspend {
        Some(suspend) => live::show(feed, look, &interrupt, &suspend),
        None => lines::print(feed, look, args.format, &interrupt),
    }
}

fn no_cluster() -> miette::Report {
    let (problem, way_out) = if lab::list().is_empty() {
        ("no cluster is named, and no lab is up", "`netsplit lab up` makes a cluster")
    } else {
        ("no cluster is named, and several labs are up", "`netsplit lab list` tells which")
    };
    miette::miette!(help = format!("{way_out}; `--cluster FILE` names a cluster's inventory"), "{problem}")
}
