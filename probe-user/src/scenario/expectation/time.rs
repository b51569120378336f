//! When a sight must be there: at some moment, or throughout.

use std::time::Duration;

use super::{Evidence, Origin, Window, origin::Named};
use crate::{
    clock::BootInstant,
    document::{Reported, Table},
    scenario::{Expression, step::expression},
};

/// When something must be so.
#[derive(Clone, Debug, PartialEq)]
pub enum Time {
    /// At some moment: `within`.
    Within(Window),
    /// All the time: `throughout = true`.
    Throughout(Stretch),
}

/// A time from one moment to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// What it counts from.
    pub after: Origin,
    /// How much later it begins; `None` for at once.
    pub not_before: Option<Expression>,
    /// Where it ends; without it, at the last revert if that comes later than its beginning, else with the run.
    pub end: Option<End>,
}

/// Where a stretch of time ends.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// So long after its [origin](Stretch::after).
    For(Expression),
    /// There.
    At(Origin),
    /// With the run.
    Run,
}

/// A stretch in one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) from: BootInstant,
    pub(super) to: BootInstant,
    /// From the origin to the beginning.
    pub(super) not_before: Duration,
    /// How much of it the run did not last for.
    pub(super) missing: Duration,
}

const HELP: &str =
    "say by when, as in within = \"ttl + loop_wait + 5s\", or throughout = true for all the time";

impl Time {
    /// `throughout` is what holds where neither `within` nor `throughout` is there.
    pub(super) fn read(table: &Table<'_>, steps: Named<'_>, throughout: bool) -> Result<Self, Reported> {
        let wanted = table.optional("throughout").map(|value| Ok((value, value.boolean()?))).transpose()?;
        let Some((value, _)) = wanted.filter(|(_, wanted)| *wanted) else {
            if throughout && wanted.is_none() && !table.has("within") {
                return Stretch::read(table, steps).map(Self::Throughout);
            }
            return Window::read_or(table, steps, HELP).map(Self::Within);
        };
        if table.has("within") {
            table.optional("within");
            return Err(value.refuse(
                "`throughout` and `within` cannot go together",
                "all the time, or at some moment?",
                "leave one of them out; `for` or `until` says how long throughout is",
            ));
        }
        Stretch::read(table, steps).map(Self::Throughout)
    }
}

impl Stretch {
    fn read(table: &Table<'_>, steps: Named<'_>) -> Result<Self, Reported> {
        let after = table.optional("after").map_or(Ok(Origin::Hit), |value| Origin::read(&value, steps));
        let not_before = table.optional("not_before").map(expression).transpose();
        let length = table.optional("for").map(expression).transpose();
        let until = table.optional("until");
        let end = match (length?, until) {
            (Some(_), Some(until)) => {
                return Err(until.refuse(
                    "`for` and `until` cannot go together",
                    "a second end",
                    "leave one of them out",
                ));
            }
            (Some(length), None) => Some(End::For(length)),
            (None, Some(until)) if until.as_text() == Some("end") => Some(End::Run),
            (None, Some(until)) => Some(End::At(Origin::read(&until, steps)?)),
            (None, None) => None,
        };
        Ok(Self { after: after?, not_before: not_before?, end })
    }

    /// Where it lies in this run; else why it lies nowhere.
    pub(super) fn extent(&self, evidence: &Evidence<'_>) -> Result<Extent, String> {
        let origin = self.after.moment(evidence)?;
        let span = |expression: &Expression| evidence.span(expression).map_err(|error| error.to_string());
        let not_before = self.not_before.as_ref().map_or(Ok(Duration::ZERO), span)?;
        let from = origin + not_before;
        let to = match &self.end {
            Some(End::For(length)) => origin + span(length)?,
            Some(End::At(origin)) => origin.moment(evidence)?,
            Some(End::Run) => evidence.end,
            None => evidence.revert.filter(|revert| *revert > from).unwrap_or(evidence.end),
        };
        if to < from {
            return Err("it would end before it begins".to_owned());
        }
        Ok(Extent { from, to, not_before, missing: to.since(evidence.end) })
    }

    /// Where it lies, in words.
    pub(super) fn in_words(&self, extent: Extent) -> String {
        let length = extent.to.since(extent.from).as_secs_f64();
        let begin = extent.not_before.as_secs_f64();
        match (&self.after, extent.not_before.is_zero()) {
            (Origin::Hit, true) => format!("throughout {length:.1} s"),
            (Origin::Hit, false) => format!("throughout {length:.1} s, from {begin:.1} s on"),
            (after, true) => format!("throughout {length:.1} s from{after} on"),
            (after, false) => format!("throughout {length:.1} s, from {begin:.1} s after{after} on"),
        }
    }
}
