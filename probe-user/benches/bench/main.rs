//! `cargo xtask bench`: what netsplit costs, beside what others cost, in one run.

mod datapaths;
mod failure;
mod flood;
mod kernel;
mod load;
mod packet;
mod parts;
mod reaction;
mod report;
mod statistics;
mod unconcerned;
mod world;
mod xdp_filter;

#[path = "../../tests/harness/mod.rs"]
mod harness;

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, ExitCode},
    time::Instant,
};

use clap::{Parser, ValueEnum};
use failure::{Explain, Failure};
use report::{Environment, Report};

/// What to measure, and how long.
#[derive(Debug, Parser)]
struct Plan {
    /// Where `bench.json`, `bench.md` and `bench.svg` go.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,
    /// A smoke run of a minute or so: fewer sizes and rounds, rough figures.
    #[arg(long)]
    quick: bool,
    /// Only these.
    #[arg(long, value_enum, num_args = 1..)]
    only: Vec<Name>,
    /// What `cargo bench` says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Nanoseconds a packet, of the programs alone.
    Packet,
    /// Packets a second over veth, past the same cuts by different hands.
    Flood,
    /// Nanoseconds of single things that a program can do.
    Parts,
    /// From the call of apply or revert to the first packet that notices.
    Reaction,
    /// Traffic that no rule concerns, with and without netsplit on its way.
    Unconcerned,
    /// How long a datapath takes to load, and how much memory it takes.
    Load,
}

fn main() -> ExitCode {
    let plan = Plan::parse();
    if let Err(error) = world::enter_private() {
        eprintln!("bench: no mount namespace of its own ({error}): it needs root");
        return ExitCode::from(3);
    }
    match run(&plan) {
        Ok(table) => {
            // Whoever reads it may have had enough.
            let _ = writeln!(std::io::stdout(), "{table}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(plan: &Plan) -> Result<String, Failure> {
    let mut environment = environment();
    let (mut measurements, mut goals) = (Vec::new(), Vec::new());
    for name in Name::value_variants().iter().filter(|name| plan.only.is_empty() || plan.only.contains(name))
    {
        let began = Instant::now();
        eprintln!("bench: {name:?} …");
        let (measurement, reached) = match name {
            Name::Packet => packet::measure(plan)?,
            Name::Flood => flood::measure(plan)?,
            Name::Parts => parts::measure(plan)?,
            Name::Reaction => reaction::measure(plan)?,
            Name::Unconcerned => unconcerned::measure(plan)?,
            Name::Load => load::measure(plan)?,
        };
        eprintln!("bench: {name:?} took {:.0} s", began.elapsed().as_secs_f64());
        measurements.push(measurement);
        goals.extend(reached);
    }
    environment.load = load();
    let report = Report { schema: Report::SCHEMA, quick: plan.quick, environment, goals, measurements };
    report::write(&report, &plan.out)
}

fn environment() -> Environment {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    // Some of them call it a failure to tell their version.
    let version = |(program, arguments): (&str, &[&str])| {
        let told = Command::new(program).args(arguments).output().ok()?;
        String::from_utf8_lossy(&told.stdout).lines().next().map(str::to_owned)
    };
    let others =
        [("iptables", &["--version"][..]), ("nft", &["--version"]), ("xdp-filter", &["load", "--version"])];
    Environment {
        began: jiff::Timestamp::now(),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        processor: model.map_or("unknown", |(_, model)| model).to_owned(),
        processors: std::thread::available_parallelism().map_or(0, Into::into),
        load: 0.0,
        versions: others.into_iter().filter_map(version).collect(),
    }
}

/// The load average of the last minute (`proc_loadavg(5)`).
fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}
