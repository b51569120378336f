//! From an `[[expect]]` table to an expectation.

use super::{Check, Expectation, NodeRef, Window};
use crate::{
    document::{Problem, Reported, Table, Value},
    scenario::step::expression,
};

#[derive(Clone, Copy)]
enum Word {
    LeaderLost,
    NewLeader,
    LeaderUnchanged,
    Server,
    Rest,
    MemberKey,
    MemberBack,
    WritesStop,
    WritesContinue,
    WritesBack,
    NoWriteLost,
    WritesLost,
    TwoWritablePrimaries,
    TimelineGrows,
    Inside,
}

const WORDS: [(&str, Word); 15] = [
    ("leader-lost", Word::LeaderLost),
    ("new-leader", Word::NewLeader),
    ("leader-unchanged", Word::LeaderUnchanged),
    ("server", Word::Server),
    ("rest", Word::Rest),
    ("member-key", Word::MemberKey),
    ("member-back", Word::MemberBack),
    ("writes-stop", Word::WritesStop),
    ("writes-continue", Word::WritesContinue),
    ("writes-back", Word::WritesBack),
    ("no-acknowledged-write-lost", Word::NoWriteLost),
    ("acknowledged-writes-lost", Word::WritesLost),
    ("two-writable-primaries", Word::TwoWritablePrimaries),
    ("timeline-grows", Word::TimelineGrows),
    ("inside", Word::Inside),
];

impl Expectation {
    pub(in crate::scenario) fn read(table: Table<'_>) -> Result<Self, Reported> {
        let that = table.required("that", "say what must be true, as in that = \"leader-lost\"")?;
        let word = that.keyword(&WORDS)?;
        let name = table.optional("name").map_or_else(|| that.text(), |value| value.text());
        let check = check(word, &table);
        table.finish();
        Ok(Self { name: name?.to_owned(), check: check? })
    }
}

fn check(word: Word, table: &Table<'_>) -> Result<Check, Reported> {
    Ok(match word {
        Word::LeaderLost => Check::LeaderLost(Window::read(table)?),
        Word::NewLeader => Check::NewLeader(Window::read(table)?),
        Word::LeaderUnchanged => Check::LeaderUnchanged,
        Word::Server => {
            let node = node(table);
            let proxy = table
                .required("proxy", "say in which proxy: proxy = \"primary\" or \"replica\"")
                .and_then(|value| value.text());
            let up = table
                .required("status", "say status = \"UP\" or \"DOWN\"")
                .and_then(|value| value.keyword(&[("UP", true), ("DOWN", false)]));
            let window = Window::read(table);
            Check::Server { node: node?, proxy: proxy?.to_owned(), up: up?, window: window? }
        }
        Word::Rest => {
            let node = node(table);
            let status = table
                .required("answers", "say answers = 200, another status, or \"silent\"")
                .and_then(|value| answers(&value));
            let window = Window::read(table);
            Check::Rest { node: node?, status: status?, window: window? }
        }
        Word::MemberKey => {
            let node = node(table);
            let present = table
                .required("state", "say state = \"present\" or \"absent\"")
                .and_then(|value| value.keyword(&[("present", true), ("absent", false)]));
            let window = Window::read(table);
            Check::MemberKey { node: node?, present: present?, window: window? }
        }
        Word::MemberBack => Check::MemberBack(Window::read(table)?),
        Word::WritesStop => Check::WritesStop(Window::read(table)?),
        Word::WritesContinue => Check::WritesContinue,
        Word::WritesBack => Check::WritesBack(Window::read(table)?),
        Word::NoWriteLost => Check::WritesLost { at_most: 0 },
        Word::WritesLost => {
            let at_most = table.required("at_most", "say how many may be lost, as in at_most = 100");
            Check::WritesLost { at_most: at_most?.integer(0..=i64::MAX)? }
        }
        Word::TwoWritablePrimaries => two_writable(table)?,
        Word::TimelineGrows => Check::TimelineGrows,
        Word::Inside => {
            let node = node(table);
            let writable =
                table.required("writable", "say writable = true or false").and_then(|value| value.boolean());
            let window = Window::read(table);
            Check::Inside { node: node?, writable: writable?, window: window? }
        }
    })
}

fn node(table: &Table<'_>) -> Result<NodeRef, Reported> {
    const HELP: &str = "write @leader (of the time of the cut), @new-leader, @replica or a node's name";
    let value = table.required("node", HELP)?;
    let text = value.text()?;
    if text.starts_with('@') && !["@leader", "@new-leader", "@replica"].contains(&text) {
        return Err(value.refuse(format!("`node` cannot be `{text}`"), "unknown role", HELP));
    }
    value.parse(HELP)
}

fn answers(value: &Value<'_>) -> Result<Option<u16>, Reported> {
    match value.as_text() {
        Some(_) => value.keyword(&[("silent", None)]),
        None => value.integer(100..=599).map(Some),
    }
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
