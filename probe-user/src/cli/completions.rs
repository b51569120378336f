//! `netsplit completions`.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::{Cli, ExitCode, output::print};

/// Print the completions of a shell: what Tab offers behind `netsplit`.
///
/// They are made from the very definitions that netsplit reads its command line by, so they fit the version that printed
/// them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  netsplit completions bash > /etc/bash_completion.d/netsplit
  netsplit completions zsh > /usr/local/share/zsh/site-functions/_netsplit
  netsplit completions fish > ~/.config/fish/completions/netsplit.fish")]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "netsplit", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Success)
}
