//! `netsplit run`.

mod cluster;
mod list;
mod live;
mod several;
mod show;
mod talk;
mod tour;

use std::path::{Path, PathBuf};

pub(super) use cluster::ClusterArgs;
use jiff::Timestamp;
use live::Live;
use miette::IntoDiagnostic;
pub(super) use several::exit_code as suite_exit_code;
pub(super) use show::{Format, exit_code, paint, show, show_suite, width};
pub(super) use talk::Talk;

use super::{ExitCode, interrupt::Interrupt, lab::report, protect::ProtectArgs};
use crate::{
    backend::Choice,
    scenario::{Kernel, Prepared, run as run_scenario},
    suite::{GoOn, Labs, Place, Stage, Suite},
};

/// Run scenarios: act, observe, judge, and always revert.
///
/// One file is one run. A folder, or several files, are a suite: all of them on one cluster, which is brought back to
/// health between them, with the procedure's table at the end. A folder's suite.toml gives them an order and headings.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    netsplit run policies/scenarios/primary-5432-drop.toml\n  \
    netsplit run policies/patroni-ha --lab fast\n  \
    netsplit run policies/patroni-ha --only 'standby-*' --repeat 5")]
pub(super) struct Args {
    /// Scenario files, or a folder of them.
    #[arg(value_name = "DIR|FILE", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    protect: ProtectArgs,
    /// The run directory, or the suite's; must not hold a run yet. Without it, runs/TIME-NAME.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What to print at the end: the timeline or the suite's table, or result.json.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Who enforces the cuts.
    #[arg(long, value_enum, default_value_t)]
    backend: Choice,
    /// Print what would run, and touch nothing.
    #[arg(long)]
    list: bool,
    /// Run only these scenarios, in the suite's order; `*` stands for any text.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    only: Vec<String>,
    /// Run all of it so often, and tell of each scenario how many of its runs passed.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// End the suite after the first scenario that does not pass.
    #[arg(long)]
    fail_fast: bool,
    /// Go on even when a lab cannot be made: each scenario tries anew. Without it, a suite goes on after failures,
    /// errors and a lab that had to be made anew, and ends when there is no cluster left to run on.
    #[arg(long, conflicts_with = "fail_fast")]
    keep_going: bool,
}

impl Args {
    fn go_on(&self) -> GoOn {
        match (self.fail_fast, self.keep_going) {
            (true, _) => GoOn::UntilFailure,
            (_, true) => GoOn::Always,
            _ => GoOn::default(),
        }
    }

    /// One file is a run of its own, unless it is asked for as a suite is.
    fn single(&self) -> bool {
        matches!(self.paths.as_slice(), [path] if !path.is_dir())
            && self.repeat == 1
            && self.only.is_empty()
            && !self.list
    }

    fn kernel(&self) -> miette::Result<Kernel> {
        Ok(Kernel {
            choice: self.backend,
            protect: self.protect.named()?,
            cut_protected: self.protect.cut_protected,
        })
    }

    fn directory(&self, name: &str) -> PathBuf {
        self.out.clone().unwrap_or_else(|| {
            let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
            Path::new("runs").join(format!("{time}-{name}"))
        })
    }
}

pub(super) fn run(args: &Args, verbose: u8) -> miette::Result<ExitCode> {
    // All files are read before anything is touched.
    let suite = Suite::load(&args.paths)?.only(&args.only)?;
    if args.list {
        return list::list(&suite, args.format);
    }
    let interrupt = Interrupt::catch().into_diagnostic()?;
    let stop = || interrupt.came();
    let kernel = args.kernel()?;
    let (mut labs, _occupied) = args.cluster.labs(&stop)?;
    if let Some(why) = args.backend.why_nft() {
        eprintln!("nft enforces the cuts: {why}");
    }
    labs.kernel = kernel;
    match suite
        .scenarios()
        .next()
        .filter(|_| args.single() && suite.sections.iter().all(|one| one.title.is_none()))
    {
        Some(prepared) => one(args, prepared, &mut labs, &stop),
        None => several::run(args, &suite, &mut labs, &stop, verbose),
    }
}

fn one(
    args: &Args,
    prepared: &Prepared,
    labs: &mut Labs<'_>,
    stop: &(dyn Fn() -> bool + Sync),
) -> miette::Result<ExitCode> {
    if labs.inventory(Place::Main).is_none() {
        eprintln!("making a lab for this run");
        match labs.make_main() {
            Err(error) if stop() => {
                eprintln!("{error}");
                return Ok(ExitCode::Interrupted);
            }
            made => made.map_err(report)?,
        }
    }
    let Some(inventory) = labs.inventory(Place::Main) else { return Ok(ExitCode::HostCannot) };
    let directory = args.directory(&prepared.scenario().id);
    let mut live = Live::begin(prepared.scenario(), &directory);
    let outcome = run_scenario(prepared, inventory, &directory, &labs.kernel, stop, &mut live);
    live.end();
    let (result, paths) = outcome?;
    labs.clear().map_err(report)?;
    show(&result, &paths, args.format)?;
    Ok(exit_code(&result))
}
