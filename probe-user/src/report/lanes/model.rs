//! What a lane is made of.

use crate::report::Tone;

/// The lanes of one run, from top to bottom.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lanes {
    /// The lanes; those of one group are neighbours.
    pub(crate) rows: Vec<Lane>,
    /// What concerns all of them.
    pub(crate) bands: Vec<Band>,
    /// The first moment that was seen, in seconds on the run's clock.
    pub(crate) from_s: f64,
    /// The last one.
    pub(crate) to_s: f64,
}

/// What one thing was, over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lane {
    /// What it belongs to: a node's name, or a word such as `Cluster`.
    pub(crate) group: String,
    /// What it is, such as `REST API`.
    pub(crate) name: String,
    /// What it was; in order, and none overlaps another. Where there is none, nothing was seen.
    pub(crate) spans: Vec<Span>,
    /// What changed about it, in order.
    pub(crate) marks: Vec<Mark>,
    /// What was counted on it.
    pub(crate) plot: Plot,
}

/// A time in which something was the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Span {
    /// From when, in seconds on the run's clock.
    pub(crate) from_s: f64,
    /// Until when: the next span, or the end of the record.
    pub(crate) to_s: f64,
    /// How it is meant.
    pub(crate) state: State,
    /// What it was, in a few words: the same as in the other reports.
    pub(crate) words: String,
    /// The event that began it: its line in `events.jsonl`.
    pub(crate) line: Option<usize>,
}

/// How a span is meant, which decides how it is drawn. Its words say what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// It leads: the leader key, writable, the primary.
    Lead,
    /// It is well, and does not lead.
    Well,
    /// It answers, and not as it should.
    Odd,
    /// It fails.
    Bad,
    /// It is not there.
    Gone,
    /// Two nodes accept writes.
    Alarm,
    /// A cut is in force.
    Cut,
    /// The scenario does something.
    Step,
}

impl State {
    /// All of them, as a key lists them.
    pub(crate) const ALL: [Self; 8] =
        [Self::Lead, Self::Well, Self::Odd, Self::Bad, Self::Gone, Self::Alarm, Self::Cut, Self::Step];

    /// Its name in a style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Well => "well",
            Self::Odd => "odd",
            Self::Bad => "bad",
            Self::Gone => "gone",
            Self::Alarm => "alarm",
            Self::Cut => "cut",
            Self::Step => "step",
        }
    }

    /// What it means, for a key.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Lead => "leads: leader key, primary, writable",
            Self::Well => "well: replica, read-only, served",
            Self::Odd => "answers, but not as it should",
            Self::Bad => "fails",
            Self::Gone => "not there",
            Self::Alarm => "two writable primaries",
            Self::Cut => "cut in force",
            Self::Step => "step of the scenario",
        }
    }
}

/// A moment at which something changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mark {
    /// When.
    pub(crate) at_s: f64,
    /// How it is meant.
    pub(crate) tone: Tone,
    /// What changed, as the timeline says it.
    pub(crate) words: String,
    /// The event behind it.
    pub(crate) line: Option<usize>,
}

/// What was counted on a lane.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Plot {
    /// Nothing.
    #[default]
    None,
    /// A counter that only grows, such as packets hit: its values by time.
    Counter(Vec<Point>),
    /// How many writes ended how, by equal intervals of time.
    Writes(Vec<Bin>),
}

/// A counter's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// When it was read.
    pub(crate) at_s: f64,
    /// How much it was.
    pub(crate) count: u64,
}

/// The writes that ended in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bin {
    /// From when.
    pub(crate) from_s: f64,
    /// Until when.
    pub(crate) to_s: f64,
    /// How many were acknowledged.
    pub(crate) acknowledged: u64,
    /// How many surely did not happen.
    pub(crate) failed: u64,
    /// How many may have happened.
    pub(crate) unknown: u64,
}

/// A time, or a moment, that concerns all lanes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Band {
    /// From when.
    pub(crate) from_s: f64,
    /// Until when.
    pub(crate) to_s: f64,
    /// What it is.
    pub(crate) kind: BandKind,
    /// What it is, in words.
    pub(crate) words: String,
}

/// What a band is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BandKind {
    /// A cut was in force.
    Cut,
    /// Two nodes accepted writes.
    Alarm,
    /// An action on the cluster.
    Action,
}

impl BandKind {
    /// Its name in a style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Alarm => "alarm",
            Self::Action => "action",
        }
    }
}
