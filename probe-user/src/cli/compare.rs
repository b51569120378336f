//! `netsplit compare`.

mod live;

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use jiff::Timestamp;
use live::Live;
use miette::IntoDiagnostic;

use super::{
    ExitCode,
    interrupt::Interrupt,
    output::print,
    protect::ProtectArgs,
    run::{ClusterArgs, Format as RunFormat, paint, width},
};
use crate::{
    backend::Choice,
    compare::{self, Comparison, Factor, Ground, LabSites, Plan, Variant, variants},
    lab::Occupied,
    report::compare::{Paths, markdown, rebuild, runs_csv, terminal, write},
    scenario::Kernel,
};

/// Run a scenario under every combination of what is varied, many times over, and say what differs by more than the noise.
///
/// A KEY is `action`, `ports`, `node` or any other field of the scenario's rules; `ttl`, `loop_wait`, `retry_timeout`,
/// `local`, `patroni` or `etcd_members` of the cluster, with `timings` for the first three at once (fast, default);
/// `backend`; or the path of a field, such as `step.2.wait`, counted from 1. The first one is what the tables have side by
/// side. What an expectation says of a run is told, and is no failure of the comparison.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    netsplit compare policies/comparisons/one-port.toml --vary action=drop,reject,reset --lab fast\n  \
    netsplit compare policies/scenarios/primary-5432-drop.toml --vary timings=fast,default --lab fast --labs 2\n  \
    netsplit compare policies/scenarios/primary-5432-drop.toml --vary step.4.wait=5s,30s --repeat 8\n\n\
    Exit codes: 0 all runs count, 3 some could not be made, 4 some are invalid (their cut hit nothing, or leaked), \
    130 interrupted")]
pub(super) struct Args {
    /// The scenario.
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// What to vary, and between what. Can be given several times: then every combination runs.
    #[arg(long, value_name = "KEY=A,B", required = true)]
    vary: Vec<Factor>,
    /// How often each combination runs. Three levels take five at least, before anything can be larger than the noise.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// How many labs stand side by side, each with a run at a time.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "lab", value_parser = clap::value_parser!(u32).range(1..=64))]
    labs: u32,
    /// What the order of the runs follows from; without it, by chance.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    protect: ProtectArgs,
    /// Who enforces the cuts, where that is not varied.
    #[arg(long, value_enum, default_value_t)]
    backend: Choice,
    /// The comparison's directory; must not hold one yet. Without it, runs/TIME-compare-NAME.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What to print at the end.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the combinations, and touch nothing.
    #[arg(long)]
    list: bool,
}

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Table,
    /// As `report.md`.
    Markdown,
    /// A line a run, as `runs.csv`.
    Csv,
    /// As `result.json`.
    Json,
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    if let Some((again, _)) = args.vary.iter().enumerate().find_map(|(index, factor)| {
        args.vary[..index].iter().find(|earlier| earlier.key == factor.key).map(|earlier| (factor, earlier))
    }) {
        miette::bail!(help = "name all of its levels in one --vary", "`{}` is varied twice", again.key);
    }
    // All files are read before anything is touched.
    let variants = variants(&args.scenario, &args.vary)?;
    if args.list {
        let names = variants.iter().map(|variant| format!("{}\n", variant.name));
        print(&names.collect::<String>())?;
        return Ok(ExitCode::Success);
    }
    let interrupt = Interrupt::catch().into_diagnostic()?;
    let stop = || interrupt.came();
    let (ground, _occupied) = ground(args, &variants)?;
    let kernel = Kernel {
        choice: args.backend,
        protect: args.protect.named()?,
        cut_protected: args.protect.cut_protected,
    };
    let plan = plan(args, &variants);
    let directory = args.out.clone().unwrap_or_else(|| {
        let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        Path::new("runs").join(format!("{time}-compare-{}", plan.scenario))
    });
    let sites = LabSites { ground, kernel, stop: &stop };
    let mut live = Live::begin(&plan, &directory);
    let outcome = compare::run(&plan, &variants, &directory, &sites, &stop, &mut live);
    live.end();
    let (comparison, paths) = outcome?;
    show(&comparison, &paths, args.format)
}

/// The cluster that stands, taken for this process, or labs to be made.
fn ground(args: &Args, variants: &[Variant]) -> miette::Result<(Ground, Option<Occupied>)> {
    if let Some(options) = args.cluster.options("compare")? {
        return Ok((Ground::Labs(options), None));
    }
    let (inventory, occupied) = args.cluster.standing()?;
    for variant in variants {
        let unmet = variant.needs().unmet(&inventory);
        miette::ensure!(
            unmet.is_empty(),
            help = "`--lab fast` makes labs as the combinations ask for them",
            "`{}` asks for another cluster: {}",
            variant.name,
            unmet.join("; ")
        );
    }
    Ok((Ground::Standing(Box::new(inventory)), occupied))
}

fn plan(args: &Args, variants: &[Variant]) -> Plan {
    let scenario = variants.first().map(|variant| variant.prepared.scenario());
    Plan {
        scenario: scenario.map(|scenario| scenario.id.clone()).unwrap_or_default(),
        title: scenario.map(|scenario| scenario.title.clone()).unwrap_or_default(),
        description: scenario.and_then(|scenario| scenario.description.clone()),
        factors: args.vary.clone(),
        cells: variants.iter().map(|variant| variant.levels.clone()).collect(),
        repeat: args.repeat,
        seed: args.seed.unwrap_or_else(|| fastrand::u32(..).into()),
        labs: args.labs,
    }
}

/// Rebuilds a comparison's reports, and shows it as `compare` did.
pub(super) fn show_again(directory: &Path, format: RunFormat) -> miette::Result<ExitCode> {
    let (comparison, pictures) = rebuild(directory)?;
    let paths = write(directory, &comparison, &pictures).map_err(miette::Report::from_err)?;
    let format = match format {
        RunFormat::Table => Format::Table,
        RunFormat::Json => Format::Json,
    };
    show(&comparison, &paths, format)
}

fn show(comparison: &Comparison, paths: &Paths, format: Format) -> miette::Result<ExitCode> {
    let on_terminal = io::stdout().is_terminal();
    let text = match format {
        Format::Table => terminal(comparison, paint(on_terminal), width(on_terminal)),
        Format::Markdown => markdown(comparison),
        Format::Csv => runs_csv(comparison).into_diagnostic()?,
        Format::Json => comparison.json().into_diagnostic()?,
    };
    print(&text)?;
    eprintln!("reports: {}", paths.html.display());
    for path in [&paths.markdown, &paths.json, &paths.runs, &paths.summary] {
        eprintln!("         {}", path.display());
    }
    Ok(exit_code(comparison))
}

/// What scripts read of a comparison.
fn exit_code(comparison: &Comparison) -> ExitCode {
    let runs = || comparison.cells.iter().flat_map(|cell| &cell.runs);
    let planned = comparison.cells.len() * comparison.repeat as usize;
    let invalid = |run: &compare::Run| run.verdict == Some(crate::report::RunVerdict::Invalid);
    if comparison.interrupted {
        ExitCode::Interrupted
    } else if runs().any(invalid) {
        ExitCode::RunInvalid
    } else if runs().filter(|run| run.counts).count() < planned {
        ExitCode::HostCannot
    } else {
        ExitCode::Success
    }
}
