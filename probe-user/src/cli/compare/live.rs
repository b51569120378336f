//! A comparison on stderr while it goes.

use std::path::Path;

use crate::{
    cli::run::Talk,
    compare::{Notice, Plan, Progress},
    report::{RunVerdict, compare::each},
};

/// A line for each run that is over; on a terminal, a bar below them.
pub(super) struct Live {
    talk: Talk,
}

impl Live {
    pub(super) fn begin(plan: &Plan, directory: &Path) -> Self {
        let of = plan.cells.len() as u64 * u64::from(plan.repeat);
        let live =
            Self { talk: Talk::begin("{spinner} {bar:20} {pos}/{len} {elapsed} {wide_msg}", Some(of)) };
        live.talk.say(&format!("{}: {}", plan.scenario, plan.title));
        live.talk.say(&format!("  {} combinations, {}", plan.cells.len(), each(plan.repeat)));
        live.talk.say(&format!("  recorded in {}", directory.display()));
        live
    }

    pub(super) fn end(self) {
        self.talk.end();
    }
}

impl Progress for Live {
    fn notice(&mut self, notice: Notice<'_>) {
        match notice {
            Notice::Making { lab } => self.talk.say(&format!("making the lab {lab}")),
            Notice::Made { lab, took, error: None } => {
                self.talk.say(&format!("the lab {lab} stands, after {:.0} s", took.as_secs_f64()));
            }
            Notice::Made { lab, error: Some(why), .. } => {
                self.talk.say(&format!("the lab {lab} cannot be made: {why}"));
            }
            Notice::Stays { lab, error } => self.talk.say(&format!(
                "the lab {lab} cannot be removed: {error}; `netsplit lab down --name {lab}` tries again"
            )),
            Notice::Begins { name, lab, .. } => {
                if let Some(bar) = self.talk.bar() {
                    bar.set_message(format!("{name} on {lab}"));
                }
            }
            Notice::Over { turn, of, name, verdict, reason, took, left } => {
                let word = match verdict {
                    Some(RunVerdict::Pass) => "as expected",
                    Some(RunVerdict::Fail) => "not as expected",
                    Some(RunVerdict::Invalid) => "INVALID",
                    Some(RunVerdict::Error) | None => "ERROR",
                };
                let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                let left = crate::suite::about(left);
                let seconds = took.as_secs_f64();
                self.talk.say(&format!("[{turn}/{of}] {name}  {word}, {seconds:.0} s; still {left}{reason}"));
                if let Some(bar) = self.talk.bar() {
                    bar.inc(1);
                }
            }
        }
    }
}
