//! A suite on stderr while it goes.

use std::{
    io::{self, IsTerminal},
    path::Path,
    time::{Duration, Instant},
};

use super::{show::paint, talk::Talk};
use crate::{
    lab::Healed,
    report::{Paint, Tone, line, suite::SuiteVerdict},
    scenario,
    suite::{Forecast, Notice, Progress, Suite, about},
};

/// A line for each scenario that is over; on a terminal, below them a bar with the present step.
pub(super) struct Tour {
    paint: Paint,
    /// Whether every transition is told as well.
    verbose: bool,
    talk: Talk,
    present: Option<Present>,
}

/// The scenario that runs now.
struct Present {
    id: String,
    phase: String,
    since: Instant,
    forecast: Forecast,
}

impl Tour {
    pub(super) fn begin(suite: &Suite, directory: &Path, verbose: bool) -> Self {
        let talk = Talk::begin("{spinner} {bar:20} {pos}/{len} {wide_msg}", Some(0));
        let tour = Self { paint: paint(io::stderr().is_terminal()), verbose, talk, present: None };
        tour.talk.say(&suite.title);
        tour.talk.say(&format!("  recorded in {}", directory.display()));
        tour
    }

    pub(super) fn end(self) {
        self.talk.end();
    }

    fn phase(&mut self, phase: &str) {
        match &mut self.present {
            Some(present) => phase.clone_into(&mut present.phase),
            None => self.message(phase.to_owned()),
        }
        self.refresh();
        if self.verbose && self.talk.bar().is_none() {
            eprintln!("  {phase}");
        }
    }

    /// The bar's line: what runs, since when, and how long the whole will still take.
    fn refresh(&self) {
        if let Some(present) = &self.present {
            let running = present.since.elapsed();
            let left = about(present.forecast.left(running));
            self.message(format!(
                "{} · {} · {} s · still {left}",
                present.id,
                present.phase,
                running.as_secs()
            ));
        }
    }

    fn message(&self, text: String) {
        if let Some(bar) = self.talk.bar() {
            bar.set_message(text);
        }
    }

    fn run(&mut self, notice: scenario::Notice<'_>) {
        match notice {
            scenario::Notice::Phase(phase) | scenario::Notice::Waiting(phase) => self.phase(phase),
            scenario::Notice::Change(transition) if self.verbose => {
                let line = line(transition);
                let symbol = self.paint.tone(line.tone.symbol(), line.tone);
                let text = self.paint.tone(&line.text, line.tone);
                let at = self.present.as_ref().map(|present| present.since.elapsed()).unwrap_or_default();
                self.talk.say(&format!("  [{:6.1} s] {symbol} {}  {text}", at.as_secs_f64(), line.subject));
            }
            scenario::Notice::Change(_) => {}
            scenario::Notice::Tick => self.refresh(),
        }
    }
}

impl Progress for Tour {
    fn notice(&mut self, notice: Notice<'_>) {
        match notice {
            Notice::Making(making) => self.phase(&format!("lab {}: {}", making.lab, making.why)),
            Notice::Made(making, took, error) => {
                let lab = format!("lab {} ({}), {:.1} s", making.lab, making.why, took.as_secs_f64());
                match error {
                    Some(error) => self.talk.say(&self.paint.tone(&format!("{lab}: {error}"), Tone::Bad)),
                    None => self.talk.say(&lab),
                }
            }
            Notice::Begins { turn, of, scenario, forecast } => {
                if let Some(bar) = self.talk.bar() {
                    bar.set_length(of as u64);
                    bar.set_position(turn as u64 - 1);
                }
                let (id, forecast) = (scenario.id.clone(), forecast.clone());
                if turn == 1 {
                    self.talk.say(&format!("{of} to run, {}", about(forecast.left(Duration::ZERO))));
                }
                if self.verbose {
                    self.talk.say(&format!("{turn} of {of}: {id}: {}", scenario.title));
                }
                self.present = Some(Present { id, phase: String::new(), since: Instant::now(), forecast });
                self.phase(&scenario.title);
            }
            Notice::Run(notice) => self.run(notice),
            Notice::Healing => self.phase("bringing the cluster back to health"),
            Notice::Healed(Ok(healed)) => {
                if !healed.mended.is_empty() {
                    self.talk.say(&format!("before the first: {}", mended(healed)));
                }
            }
            Notice::Healed(Err(lost)) => {
                self.talk.say(&self.paint.tone(&format!("the cluster is not healthy: {lost}"), Tone::Bad));
            }
            Notice::Over { scenario, verdict, reason, took, healed, left } => {
                let line = over(&scenario.id, verdict, reason, took, healed, left, self.paint);
                self.talk.say(&line);
                self.present = None;
            }
        }
    }
}

fn over(
    id: &str,
    verdict: SuiteVerdict,
    reason: Option<&str>,
    took: Duration,
    healed: Option<&Healed>,
    left: Duration,
    paint: Paint,
) -> String {
    let tone = match verdict {
        SuiteVerdict::Pass => Tone::Good,
        SuiteVerdict::Fail | SuiteVerdict::Error => Tone::Bad,
        _ => Tone::Change,
    };
    let word = paint.tone(&verdict.to_string(), tone);
    let healed = healed.filter(|healed| !healed.mended.is_empty() || healed.took >= Duration::from_secs(1));
    let healed = healed.map(|healed| format!(", {}", mended(healed))).unwrap_or_default();
    let left = if left.is_zero() { String::new() } else { format!(" (still {})", about(left)) };
    let reason = reason.map(|reason| format!("\n     {reason}")).unwrap_or_default();
    format!("{word} {id} {:.1} s{healed}{left}{reason}", took.as_secs_f64())
}

fn mended(healed: &Healed) -> String {
    let after = format!("healthy again after {:.1} s", healed.took.as_secs_f64());
    if healed.mended.is_empty() { after } else { format!("{after}: {}", healed.mended.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_at_the_end_of_each_scenario() {
        let told = |verdict, reason, mended: &[&str], healing, left| {
            let mended = mended.iter().map(|word| (*word).to_owned()).collect();
            let healed = Healed { took: Duration::from_millis(healing), mended };
            let took = Duration::from_millis(41_230);
            over(
                "standby-isolation-2",
                verdict,
                reason,
                took,
                Some(&healed),
                Duration::from_secs(left),
                Paint::Plain,
            )
        };
        for (line, expected) in [
            (
                told(SuiteVerdict::Pass, None, &[], 200, 725),
                "PASS standby-isolation-2 41.2 s (still about 12 min)",
            ),
            (
                told(SuiteVerdict::Pass, None, &["Patroni on pg1 started"], 3100, 0),
                "PASS standby-isolation-2 41.2 s, healthy again after 3.1 s: Patroni on pg1 started",
            ),
            (
                told(SuiteVerdict::Fail, Some("not as expected: new-leader"), &[], 1500, 30),
                "FAIL standby-isolation-2 41.2 s, healthy again after 1.5 s (still about 30 s)\n     \
                 not as expected: new-leader",
            ),
        ] {
            assert_eq!(line, expected);
        }
    }
}
