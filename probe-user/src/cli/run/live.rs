//! The run on stderr while it goes.

use std::{
    io::{self, IsTerminal},
    path::Path,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::show::paint;
use crate::{
    report::{Paint, line},
    scenario::{Notice, Progress, Scenario},
};

/// Lines as things happen; on a terminal, with the present step below them.
pub(super) struct Live {
    begun: Instant,
    paint: Paint,
    /// Nothing where stderr is no terminal.
    bar: Option<ProgressBar>,
}

impl Live {
    pub(super) fn begin(scenario: &Scenario, directory: &Path) -> Self {
        let terminal = io::stderr().is_terminal();
        let bar = terminal.then(|| {
            let style = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}");
            let bar = ProgressBar::new_spinner()
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let live = Self { begun: Instant::now(), paint: paint(terminal), bar };
        live.say(&format!("{}: {}", scenario.id, scenario.title));
        if let Some(description) = &scenario.description {
            description.lines().for_each(|line| live.say(&format!("  {}", line.trim())));
        }
        live.say(&format!("  recorded in {}", directory.display()));
        live
    }

    pub(super) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    fn stamp(&self) -> String {
        format!("[{:6.1} s]", self.begun.elapsed().as_secs_f64())
    }
}

impl Progress for Live {
    fn notice(&mut self, notice: Notice<'_>) {
        match notice {
            Notice::Phase(phase) | Notice::Waiting(phase) => {
                if let Some(bar) = &self.bar {
                    bar.set_message(phase.to_owned());
                } else {
                    eprintln!("{} {phase}", self.stamp());
                }
            }
            Notice::Change(transition) => {
                let line = line(transition);
                let symbol = self.paint.tone(line.tone.symbol(), line.tone);
                let text = self.paint.tone(&line.text, line.tone);
                self.say(&format!("{} {symbol} {}  {text}", self.stamp(), line.subject));
            }
            Notice::Tick => {}
        }
    }
}
