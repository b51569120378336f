//! From a table's fields to a sight.

use super::{Aspect, Listed, Meets, ProcessState, Rest, Sight, listed::one_or_more};
use crate::{
    cluster::Server,
    document::{Reported, Table, Value},
    scenario::NodeRef,
};

/// The word that a scenario file has for a kind of sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum Word {
    Server,
    Rest,
    Port,
    MemberKey,
    Listed,
    Replication,
    Inside,
    Process,
}

pub(super) const WORDS: [(&str, Word); 8] = [
    ("server", Word::Server),
    ("rest", Word::Rest),
    ("port", Word::Port),
    ("member-key", Word::MemberKey),
    ("listed", Word::Listed),
    ("replication", Word::Replication),
    ("inside", Word::Inside),
    ("process", Word::Process),
];

/// Whether HAProxy has a server UP.
pub(super) const SERVERS: [(&str, bool); 2] = [("UP", true), ("DOWN", false)];

/// Whose first process can be watched.
pub(super) const PROCESSES: [(&str, Server); 2] =
    [("postgres", Server::Postgres), ("patroni", Server::Patroni)];

/// What can become of a process.
pub(super) const STATES: [(&str, ProcessState); 3] =
    [("same", ProcessState::Same), ("another", ProcessState::Another), ("gone", ProcessState::Gone)];

/// A file's words: those of every sight, as `sight` has them, and `others`.
pub(in crate::scenario) fn words<T: Clone>(
    others: &[(&'static str, T)],
    sight: impl Fn(Word) -> T,
) -> Vec<(&'static str, T)> {
    let sights = WORDS.iter().map(|(text, word)| (*text, sight(*word)));
    others.iter().cloned().chain(sights).collect()
}

impl Sight {
    pub(in crate::scenario) fn read(word: Word, table: &Table<'_>) -> Result<Self, Reported> {
        let node = NodeRef::read(table);
        let aspect = aspect(word, table);
        Ok(Self { node: node?, aspect: aspect? })
    }
}

fn aspect(word: Word, table: &Table<'_>) -> Result<Aspect, Reported> {
    Ok(match word {
        Word::Server => {
            let proxy = table
                .required("proxy", "say in which proxy: proxy = \"primary\" or \"replica\"")
                .and_then(|value| value.text());
            let up = table
                .required("status", "say status = \"UP\" or \"DOWN\"")
                .and_then(|value| value.keyword(&SERVERS));
            Aspect::Server { proxy: proxy?.to_owned(), up: up? }
        }
        Word::Rest => {
            let help = "say answers = 200, another status, \"any\" or \"silent\"";
            Aspect::Rest(table.required("answers", help).and_then(|value| rest(&value))?)
        }
        Word::Port => {
            let help =
                "say meets = \"accepts\", \"refused\", \"reset\", \"times-out\", \"unreachable\", or a list";
            let meets = table.required("meets", help)?;
            Aspect::Port(one_or_more(&meets, |value| value.keyword(&Meets::WORDS))?)
        }
        Word::MemberKey => {
            let present = table
                .required("state", "say state = \"present\" or \"absent\"")
                .and_then(|value| value.keyword(&[("present", true), ("absent", false)]));
            Aspect::MemberKey { present: present? }
        }
        Word::Listed => Aspect::Listed(Listed::read(table)?),
        Word::Replication => {
            let streaming = table.required("streaming", "say streaming = true or false");
            Aspect::Replication { streaming: streaming?.boolean()? }
        }
        Word::Inside => {
            let writable = table.required("writable", "say writable = true or false");
            Aspect::Inside { writable: writable?.boolean()? }
        }
        Word::Process => {
            let server = table
                .required("server", "name which: server = \"postgres\" or \"patroni\"")
                .and_then(|value| value.keyword(&PROCESSES));
            let state =
                table.optional("state").map_or(Ok(ProcessState::Same), |value| value.keyword(&STATES));
            Aspect::Process { server: server?, state: state? }
        }
    })
}

fn rest(value: &Value<'_>) -> Result<Rest, Reported> {
    match value.as_text() {
        Some(_) => value.keyword(&[("any", Rest::Any), ("silent", Rest::Silent)]),
        None => value.integer(100..=599).map(Rest::Status),
    }
}
