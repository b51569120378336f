//! The `netsplit` command.

use std::io::{self, IsTerminal, Write};

use clap::Parser;
use miette::MietteHandlerOpts;
use netsplit::cli::{Cli, ExitCode};
use tracing_subscriber::EnvFilter;

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let level = match cli.verbose {
        0 => "warn,netlink_packet_route=error",
        1 => "netsplit=info,warn,netlink_packet_route=error",
        _ => "netsplit=trace,info,netlink_packet_route=error",
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_env("NETSPLIT_LOG").unwrap_or_else(|_| EnvFilter::new(level)))
        .with_writer(io::stderr)
        // Told on stderr, too, and with a panic where that is full.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .init();
    // Commands and paths in a message are there to be copied: lines are the terminal's to wrap. Fails only if done
    // twice.
    let _ = miette::set_hook(Box::new(|_| Box::new(MietteHandlerOpts::new().wrap_lines(false).build())));
    match cli.run() {
        Ok(code) => code.into(),
        Err(report) => {
            // Not `eprintln!`, which panics where stderr is full; the exit code is still to be told.
            let _ = writeln!(io::stderr(), "{report:?}");
            ExitCode::of(&report).into()
        }
    }
}
