//! A comparison as it is seen while it goes.

use std::time::Duration;

use crate::report::RunVerdict;

/// Hears of a comparison while it goes, from several threads in turn.
pub trait Progress: Send {
    /// Something to tell.
    fn notice(&mut self, notice: Notice<'_>);
}

/// What a comparison has to tell.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// A lab is being made.
    Making {
        /// Its name.
        lab: &'a str,
    },
    /// A lab stands, or does not.
    Made {
        /// Its name.
        lab: &'a str,
        /// How long that took.
        took: Duration,
        /// Why it does not.
        error: Option<&'a str>,
    },
    /// A lab cannot be removed.
    Stays {
        /// Its name.
        lab: &'a str,
        /// Why.
        error: &'a str,
    },
    /// A run begins.
    Begins {
        /// Its place among all, from 1.
        turn: usize,
        /// How many there are.
        of: usize,
        /// The run's name.
        name: &'a str,
        /// Where it runs.
        lab: &'a str,
    },
    /// A run is over.
    Over {
        /// Its place among all, from 1.
        turn: usize,
        /// How many there are.
        of: usize,
        /// The run's name.
        name: &'a str,
        /// What came of it; `None` where there is no record.
        verdict: Option<RunVerdict>,
        /// Why it does not count, or is not as expected.
        reason: Option<&'a str>,
        /// How long it took.
        took: Duration,
        /// How long the others will take, as far as those that are over tell.
        left: Duration,
    },
}
