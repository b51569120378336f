//! The run on stderr while it goes.

use std::{
    io::{self, IsTerminal},
    path::Path,
    time::Instant,
};

use super::{show::paint, talk::Talk};
use crate::{
    report::{Paint, line},
    scenario::{Notice, Progress, Scenario},
};

/// Lines as things happen; on a terminal, with the present step below them.
pub(super) struct Live {
    begun: Instant,
    paint: Paint,
    talk: Talk,
}

impl Live {
    pub(super) fn begin(scenario: &Scenario, directory: &Path) -> Self {
        let talk = Talk::begin("{spinner} {elapsed:>4} {wide_msg}", None);
        let live = Self { begun: Instant::now(), paint: paint(io::stderr().is_terminal()), talk };
        live.talk.say(&format!("{}: {}", scenario.id, scenario.title));
        if let Some(description) = &scenario.description {
            description.lines().for_each(|line| live.talk.say(&format!("  {}", line.trim())));
        }
        live.talk.say(&format!("  recorded in {}", directory.display()));
        live
    }

    pub(super) fn end(self) {
        self.talk.end();
    }

    fn stamp(&self) -> String {
        format!("[{:6.1} s]", self.begun.elapsed().as_secs_f64())
    }
}

impl Progress for Live {
    fn notice(&mut self, notice: Notice<'_>) {
        match notice {
            Notice::Phase(phase) | Notice::Waiting(phase) => {
                if let Some(bar) = self.talk.bar() {
                    bar.set_message(phase.to_owned());
                } else {
                    eprintln!("{} {phase}", self.stamp());
                }
            }
            Notice::Change(transition) => {
                let line = line(transition);
                let symbol = self.paint.tone(line.tone.symbol(), line.tone);
                let text = self.paint.tone(&line.text, line.tone);
                self.talk.say(&format!("{} {symbol} {}  {text}", self.stamp(), line.subject));
            }
            Notice::Tick => {}
        }
    }
}
