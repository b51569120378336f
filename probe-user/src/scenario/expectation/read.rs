//! From an `[[expect]]` table to an expectation.

use super::{
    Benign, Check, Expectation, NodeRef, Time, Window,
    log::{BENIGN, OTHER},
    origin::Named,
};
use crate::{
    document::{Problem, Reported, Table},
    scenario::{
        Logged, Sight, When,
        sight::{self, words},
        step::expression,
    },
};

#[derive(Clone, Copy)]
pub(super) enum Word {
    LeaderLost,
    NewLeader,
    LeaderUnchanged,
    LeaderIs,
    MemberBack,
    WritesStop,
    WritesContinue,
    WritesBack,
    NoWriteLost,
    WritesLost,
    TwoWritablePrimaries,
    TimelineGrows,
    TimelineUnchanged,
    Log,
    Tracebacks,
    Sight(sight::Word),
}

pub(super) const WORDS: [(&str, Word); 15] = [
    ("leader-lost", Word::LeaderLost),
    ("new-leader", Word::NewLeader),
    ("leader-unchanged", Word::LeaderUnchanged),
    ("leader-is", Word::LeaderIs),
    ("member-back", Word::MemberBack),
    ("writes-stop", Word::WritesStop),
    ("writes-continue", Word::WritesContinue),
    ("writes-back", Word::WritesBack),
    ("no-acknowledged-write-lost", Word::NoWriteLost),
    ("acknowledged-writes-lost", Word::WritesLost),
    ("two-writable-primaries", Word::TwoWritablePrimaries),
    ("timeline-grows", Word::TimelineGrows),
    ("timeline-unchanged", Word::TimelineUnchanged),
    ("log", Word::Log),
    ("tracebacks", Word::Tracebacks),
];

impl Expectation {
    /// `steps` are those that an expectation can count from.
    pub(in crate::scenario) fn read(table: Table<'_>, steps: Named<'_>) -> Result<Self, Reported> {
        let that = table.required("that", "say what must be true, as in that = \"leader-lost\"")?;
        let word = that.keyword(&words(&WORDS, Word::Sight))?;
        let name = table.optional("name").map_or_else(|| that.text(), |value| value.text());
        let in_table = table.optional("table").map_or(Ok(true), |value| value.boolean());
        let when = When::read(&table);
        let check = check(word, &table, steps);
        table.finish();
        Ok(Self { name: name?.to_owned(), when: when?, in_table: in_table?, check: check? })
    }
}

fn check(word: Word, table: &Table<'_>, steps: Named<'_>) -> Result<Check, Reported> {
    let window = || Window::read(table, steps);
    Ok(match word {
        Word::LeaderLost => Check::LeaderLost(window()?),
        Word::NewLeader => Check::NewLeader(window()?),
        Word::LeaderUnchanged => {
            Check::LeaderUnchanged { length: table.optional("for").map(expression).transpose()? }
        }
        Word::LeaderIs => Check::LeaderIs(NodeRef::read(table)?),
        Word::MemberBack => Check::MemberBack(window()?),
        Word::WritesStop => writes_stop(table, steps)?,
        Word::WritesContinue => Check::WritesContinue,
        Word::WritesBack => Check::WritesBack(window()?),
        Word::NoWriteLost => Check::WritesLost { at_most: 0 },
        Word::WritesLost => {
            let at_most = table.required("at_most", "say how many may be lost, as in at_most = 100");
            Check::WritesLost { at_most: at_most?.integer(0..=i64::MAX)? }
        }
        Word::TwoWritablePrimaries => two_writable(table)?,
        Word::TimelineGrows => Check::Timeline { grows: true },
        Word::TimelineUnchanged => Check::Timeline { grows: false },
        Word::Log => log(table, steps)?,
        Word::Tracebacks => tracebacks(table, steps)?,
        Word::Sight(word) => {
            let sight = Sight::read(word, table);
            // A process is asked for as what stays.
            let stays = word == sight::Word::Process && !table.has("state");
            let time = Time::read(table, steps, stays);
            Check::Seen(sight?, time?)
        }
    })
}

/// The window of a table that need not have one: with the fields of one, it has one.
fn optional_window(table: &Table<'_>, steps: Named<'_>) -> Result<Option<Window>, Reported> {
    let there = ["within", "not_before", "after"].iter().any(|key| table.has(key));
    if there { Window::read(table, steps).map(Some) } else { Ok(None) }
}

fn writes_stop(table: &Table<'_>, steps: Named<'_>) -> Result<Check, Reported> {
    let at_most = table.optional("at_most").map(expression).transpose();
    if table.has("at_most") {
        let window = optional_window(table, steps);
        return Ok(Check::WritesStop { window: window?, at_most: at_most? });
    }
    let help = "say by when, as in within = \"10s\", or for how long at most, as in at_most = \"10s\"";
    Ok(Check::WritesStop { window: Some(Window::read_or(table, steps, help)?), at_most: at_most? })
}

fn log(table: &Table<'_>, steps: Named<'_>) -> Result<Check, Reported> {
    match (table.has("contains"), table.has("lacks")) {
        (true, false) => {
            let logged = Logged::read(table, "contains");
            let window = optional_window(table, steps);
            Ok(Check::LogContains(logged?, window?))
        }
        (false, true) => Ok(Check::LogLacks(Logged::read(table, "lacks")?)),
        (both, _) => {
            let label = if both { "both are there" } else { "neither is there" };
            let asked = ["contains", "lacks", "node", "level", "within", "after", "not_before"];
            for key in asked {
                table.optional(key);
            }
            Err(table.problems().report(
                Problem::new("`log` needs `contains` or `lacks`")
                    .at(table.span(), label)
                    .help("write contains = \"promoted self to leader\", or lacks = \"Traceback\""),
            ))
        }
    }
}

fn tracebacks(table: &Table<'_>, steps: Named<'_>) -> Result<Check, Reported> {
    let node = NodeRef::read_or_every(table);
    let benign = table.optional("benign").map_or(Ok(Benign::Allowed), |value| value.keyword(&BENIGN));
    let others = table.optional("other").map_or(Ok(false), |value| value.keyword(&OTHER));
    // Only what must come can come in time.
    let window = if benign == Ok(Benign::Expected) { optional_window(table, steps) } else { Ok(None) };
    Ok(Check::Tracebacks { node: node?, benign: benign?, others: others?, window: window? })
}

fn two_writable(table: &Table<'_>) -> Result<Check, Reported> {
    let at_least = table.optional("at_least").map(expression).transpose();
    let at_most = table.optional("at_most").map(expression).transpose();
    let (at_least, at_most) = (at_least?, at_most?);
    if at_least.is_none() && at_most.is_none() {
        return Err(table.problems().report(
            Problem::new("`two-writable-primaries` needs a bound")
                .at(table.span(), "neither `at_least` nor `at_most`")
                .help("write at_least = \"5s\", or at_most = \"0s\" for never"),
        ));
    }
    Ok(Check::TwoWritablePrimaries { at_least, at_most })
}
