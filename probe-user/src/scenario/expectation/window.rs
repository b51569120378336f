//! When something must happen.

use std::time::Duration;

use super::{Evidence, Finding, Origin, Verdict, origin::Named};
use crate::{
    clock::BootInstant,
    document::{Reported, Table},
    scenario::{Expression, step::expression},
};

/// The time within which something must happen.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// What it counts from.
    pub after: Origin,
    /// Not earlier than this; `None` for at once.
    pub not_before: Option<Expression>,
    /// Not later than this.
    pub within: Expression,
}

/// A window in one run: where it begins, and how far it reaches from there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) from: BootInstant,
    not_before: Duration,
    within: Duration,
}

impl Window {
    pub(super) fn read(table: &Table<'_>, steps: Named<'_>) -> Result<Self, Reported> {
        Self::read_or(table, steps, "say by when, as in within = \"ttl + loop_wait + 5s\"")
    }

    /// `help` tells what to write where there is no window.
    pub(super) fn read_or(table: &Table<'_>, steps: Named<'_>, help: &str) -> Result<Self, Reported> {
        let within = table.required("within", help).and_then(expression);
        let not_before = table.optional("not_before").map(expression).transpose();
        let after = table.optional("after").map_or(Ok(Origin::Hit), |value| Origin::read(&value, steps));
        Ok(Self { after: after?, not_before: not_before?, within: within? })
    }

    /// Where it lies in this run; else the finding that it lies nowhere.
    pub(super) fn bounds(&self, what: &str, evidence: &Evidence<'_>) -> Result<Bounds, Finding> {
        let lost = |why: &str| Finding::new(Verdict::Error, format!("{what} within {}", self.within), why);
        let from = self.after.moment(evidence).map_err(|why| lost(&why))?;
        let span = |expression| evidence.span(expression).map_err(|error| lost(&error.to_string()));
        let not_before = self.not_before.as_ref().map_or(Ok(Duration::ZERO), span)?;
        Ok(Bounds { from, not_before, within: span(&self.within)? })
    }

    /// Judges a moment; `None` is one that never came.
    pub(super) fn judge(
        &self,
        what: &str,
        evidence: &Evidence<'_>,
        bounds: Bounds,
        moment: Option<BootInstant>,
    ) -> Finding {
        let origin = |word: &str| match &self.after {
            Origin::Hit => String::new(),
            after => format!(" {word}{after}"),
        };
        let within = bounds.within.as_secs_f64();
        let expected = if self.not_before.is_none() {
            format!("{what} within {within:.1} s{}", origin("of"))
        } else {
            let not_before = bounds.not_before.as_secs_f64();
            format!("{what} between {not_before:.1} s and {within:.1} s{}", origin("after"))
        };
        let Some(moment) = moment else {
            let watched = evidence.end.since(bounds.from).as_secs_f64();
            return Finding::met(false, expected, format!("never, in the {watched:.1} s that were watched"));
        };
        let took = moment.since(bounds.from);
        let met = took <= bounds.within && took >= bounds.not_before;
        let observed = match &self.after {
            Origin::Hit => format!("after {:.1} s", took.as_secs_f64()),
            _ => format!("{:.1} s{}", took.as_secs_f64(), origin("after")),
        };
        Finding::met(met, expected, observed).at(evidence.seconds(moment))
    }

    /// Both at once, where the moment is that of the first transition after the window's beginning.
    pub(super) fn judge_first(
        &self,
        what: &str,
        evidence: &Evidence<'_>,
        moment: impl FnOnce(BootInstant) -> Option<BootInstant>,
    ) -> Finding {
        match self.bounds(what, evidence) {
            Ok(bounds) => self.judge(what, evidence, bounds, moment(bounds.from)),
            Err(finding) => finding,
        }
    }
}
