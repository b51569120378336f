//! What a contributor types: `cargo xtask setup`, `bench`, `build-ebpf`, `demo`, `fuzz`, `kernels`, `test`, `torture`.

mod bench;
mod build_ebpf;
mod command;
mod debian;
mod demo;
mod failure;
mod fuzz;
mod kernels;
mod manifest;
mod needs;
mod netsplit;
mod object;
mod setup;
mod test;
mod torture;

use std::{path::Path, process::ExitCode};

use clap::{Parser, Subcommand};

/// What a contributor types.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Setup(setup::Args),
    BuildEbpf(build_ebpf::Args),
    Demo(demo::Args),
    Fuzz(fuzz::Args),
    Kernels(kernels::Args),
    Test(test::Args),
    Torture(torture::Args),
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = command::catch_signals().and_then(|()| match &cli.verb {
        Verb::Setup(args) => setup::run(args),
        Verb::BuildEbpf(args) => build_ebpf::run(args),
        Verb::Demo(args) => demo::run(args),
        Verb::Fuzz(args) => fuzz::run(args),
        Verb::Kernels(args) => kernels::run(args),
        Verb::Test(args) => test::run(args),
        Verb::Torture(args) => torture::run(args),
        Verb::Bench(args) => bench::run(args),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.code()
        }
    }
}

/// The checkout that this program was built from.
fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}
