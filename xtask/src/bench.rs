//! `cargo xtask bench`.

use std::path::PathBuf;

use crate::{command, failure::Failure, needs::Group, setup};

/// Measure what netsplit costs, beside what others cost, in one run; nothing stays behind.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where `bench.json`, `bench.md` and `bench.svg` go, instead of `target/bench`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A smoke run of a minute or so, whose figures are rough.
    #[arg(long)]
    quick: bool,
    /// Only these measurements; a wrong name tells which there are.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if !command::is_root() {
        return Err(Failure::HostCannot(format!(
            "the bench makes network namespaces and loads eBPF programs: run it {}",
            command::AS_ROOT
        )));
    }
    setup::ensure(&[Group::Bench])?;
    let out = args.out.clone().unwrap_or_else(|| crate::root().join("target/bench"));
    // The bench itself runs in another folder.
    let out = std::path::absolute(&out).map_err(Failure::io("cannot find the folder for the figures"))?;
    let mut bench = command::cargo();
    bench.args([
        "bench",
        "--quiet",
        "--package",
        "probe-user",
        "--features",
        "kernel-tests",
        "--bench",
        "bench",
    ]);
    bench.arg("--").arg("--out").arg(&out);
    if args.quick {
        bench.arg("--quick");
    }
    if !args.only.is_empty() {
        bench.arg("--only").args(&args.only);
    }
    eprintln!("building netsplit and the bench, optimised, which takes some minutes the first time …");
    command::run(&mut bench)?;
    eprintln!("written: {}/bench.{{json,md,svg}}", out.display());
    Ok(())
}
