//! `netsplit run`.

mod files;
mod live;
mod show;

use std::path::{Path, PathBuf};

use live::Live;
use miette::IntoDiagnostic;
pub(super) use show::{Format, exit_code, show};

use super::{ExitCode, interrupt::Interrupt};
use crate::{
    cluster::Inventory,
    lab,
    scenario::{Kernel, Prepared, run as run_scenario},
};

/// Run scenarios: act, observe, judge, and always revert.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A scenario file, or a folder: its scenarios run one after another, by name.
    #[arg(value_name = "SCENARIO|DIR")]
    scenario: PathBuf,
    /// The cluster's inventory; without it, the lab's that is up.
    #[arg(long, value_name = "FILE")]
    cluster: Option<PathBuf>,
    /// The run directory (for a folder of scenarios: where their run directories go); must not hold a run yet.
    /// Without it, runs/TIME-SCENARIO.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What to print at the end: the timeline, or result.json.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    // All files are read before anything is touched.
    let scenarios = files::scenarios(&args.scenario)?;
    let inventory = Inventory::load(&inventory_file(args.cluster.as_deref())?)?;
    let interrupt = Interrupt::catch().into_diagnostic()?;
    let mut worst = ExitCode::Success;
    for prepared in &scenarios {
        let directory = files::directory(args.out.as_deref(), prepared.scenario(), scenarios.len());
        let code = one(prepared, &inventory, &directory, args.format, &interrupt)?;
        if code as u8 > worst as u8 {
            worst = code;
        }
        if code == ExitCode::Interrupted {
            break;
        }
    }
    Ok(worst)
}

fn one(
    prepared: &Prepared,
    inventory: &Inventory,
    directory: &Path,
    format: Format,
    interrupt: &Interrupt,
) -> miette::Result<ExitCode> {
    let mut live = Live::begin(prepared.scenario(), directory);
    let outcome = run_scenario(prepared, inventory, directory, &Kernel, &|| interrupt.came(), &mut live);
    live.end();
    let (result, paths) = outcome?;
    show(&result, &paths, format)?;
    Ok(exit_code(&result))
}

fn inventory_file(named: Option<&Path>) -> miette::Result<PathBuf> {
    named.map(Path::to_owned).or_else(lab::default_inventory).ok_or_else(|| {
        miette::miette!(
            help = "`netsplit lab up` makes a cluster; `--cluster FILE` names another one's inventory",
            "no cluster is named, and no lab is up"
        )
    })
}
