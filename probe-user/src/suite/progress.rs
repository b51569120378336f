//! A suite as it is seen while it goes.

use std::time::{Duration, Instant};

use super::{Forecast, Making};
use crate::{lab::Healed, report::suite, scenario};

/// Hears of a suite while it goes.
pub trait Progress {
    /// Something to tell.
    fn notice(&mut self, notice: Notice<'_>);
}

/// What a suite has to tell.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// A lab is being made.
    Making(Making<'a>),
    /// A lab was made or removed, or could not be.
    Made(Making<'a>, Duration, Option<&'a str>),
    /// A scenario begins.
    Begins {
        /// Its place among all turns, from 1.
        turn: usize,
        /// How many turns there are.
        of: usize,
        /// The scenario.
        scenario: &'a scenario::Scenario,
        /// What is left, this turn included.
        forecast: &'a Forecast,
    },
    /// What its run has to tell.
    Run(scenario::Notice<'a>),
    /// The cluster is being brought back to health.
    Healing,
    /// It is healthy, or is not, before the first scenario.
    Healed(Result<&'a Healed, &'a str>),
    /// A scenario is over, and the cluster was brought back to health after it, or not.
    Over {
        /// The scenario.
        scenario: &'a scenario::Scenario,
        /// What came of it.
        verdict: suite::SuiteVerdict,
        /// Why it is not `pass`.
        reason: Option<&'a str>,
        /// How long its run took.
        took: Duration,
        /// How long healing took, and what was mended; nothing where the cluster was lost, or is none to be mended.
        healed: Option<&'a Healed>,
        /// How long the others will take.
        left: Duration,
    },
}

/// Passes on what a run tells, and measures how long a healthy cluster was waited for.
pub(super) struct Stopwatch<'p> {
    progress: &'p mut dyn Progress,
    since: Option<Instant>,
    health: Duration,
}

impl<'p> Stopwatch<'p> {
    pub(super) fn new(progress: &'p mut dyn Progress) -> Self {
        Self { progress, since: None, health: Duration::ZERO }
    }

    pub(super) fn health(&self) -> Duration {
        self.health
    }
}

impl scenario::Progress for Stopwatch<'_> {
    fn notice(&mut self, notice: scenario::Notice<'_>) {
        match notice {
            scenario::Notice::Waiting(_) => self.since = Some(Instant::now()),
            scenario::Notice::Phase(_) => {
                self.health += self.since.take().map(|since| since.elapsed()).unwrap_or_default();
            }
            _ => {}
        }
        self.progress.notice(Notice::Run(notice));
    }
}
