//! `netsplit revert`.

use miette::miette;

use super::{ExitCode, output::say, status::cut_error};
use crate::cut::{self, CutId, CutStatus};

/// Take cuts away, and nothing that netsplit did not put there.
///
/// An ID is what `apply` printed, and what `status` lists. `--all` is the way out that always works: it needs no file and
/// no id, but asks the kernel for whatever is netsplit's, in every network namespace.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
#[command(after_help = "Examples:
  netsplit revert c3f9a1
  netsplit revert --all")]
pub(super) struct Args {
    /// The cuts to end, by their ids
    #[arg(value_name = "ID")]
    cuts: Vec<CutId>,
    /// End every cut, and remove every program, link, qdisc, pin and map of netsplit's, also half-made ones
    #[arg(long)]
    all: bool,
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    if args.all {
        let ended = cut::revert_all().map_err(cut_error)?;
        if ended.is_empty() {
            say("no cut was in force");
        }
        tell(&ended);
        return Ok(ExitCode::Success);
    }
    // One id that is wrong must not keep the others in force.
    let mut failed = Vec::new();
    for id in &args.cuts {
        match cut::revert(id) {
            Ok(ended) => tell(&ended),
            Err(error) => failed.push(error),
        }
    }
    match failed.len() {
        0 => Ok(ExitCode::Success),
        1 => Err(failed.pop().map_or_else(|| miette!("nothing failed"), cut_error)),
        _ => {
            let told: Vec<_> = failed.iter().map(ToString::to_string).collect();
            Err(miette!("{}", told.join("\n")))
        }
    }
}

fn tell(ended: &[CutStatus]) {
    for cut in ended {
        let packets: u64 = cut.rules.iter().map(|rule| rule.packets).sum();
        let after = if cut.expired { " after its lease had ended it" } else { "" };
        say(&format!("{} on {}: taken away{after}, {packets} packets hit", cut.id, cut.node));
    }
}
