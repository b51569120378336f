//! Entries of Patroni's log.

use std::fmt;

use crate::{
    clock::BootInstant,
    document::{Reported, Table},
    record::{Event, Kind, LogEntry},
    scenario::{Evidence, NodeRef},
};

/// An entry that at least one of the nodes that are meant logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Which nodes.
    pub node: NodeRef,
    /// A part of its text.
    pub text: String,
    /// Of this level only.
    pub level: Option<&'static str>,
}

pub(super) const LEVELS: [&str; 5] = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

impl Logged {
    /// Reads what is said of the entry; `key` is the field with the text.
    pub(in crate::scenario) fn read(table: &Table<'_>, key: &'static str) -> Result<Self, Reported> {
        let node = NodeRef::read_or_every(table);
        let text = table.required(key, "give a part of the entry's text").and_then(|value| {
            let text = value.text()?;
            let help = "give a part of the entry's text";
            if text.is_empty() {
                Err(value.refuse("every entry contains nothing", "empty", help))
            } else {
                Ok(text)
            }
        });
        let level = table.optional("level").map(|value| value.keyword(&LEVELS.map(|level| (level, level))));
        let level = level.transpose();
        Ok(Self { node: node?, text: text?.to_owned(), level: level? })
    }

    /// The first such entry at or after `from`.
    pub(in crate::scenario) fn first<'run>(
        &self,
        evidence: &Evidence<'run>,
        from: BootInstant,
    ) -> Option<&'run Event> {
        entries(evidence, &self.node, from).find(|(_, entry)| self.is(entry)).map(|(event, _)| event)
    }

    pub(in crate::scenario) fn is(&self, entry: &LogEntry) -> bool {
        self.level.is_none_or(|level| entry.level == level) && entry.text.contains(&self.text)
    }

    /// The entry in words, such as `a WARNING with "x"`.
    pub(in crate::scenario) fn entry(&self) -> String {
        let level = self.level.map(|level| format!("{level} ")).unwrap_or_default();
        format!("a {level}line with {:?}", self.text)
    }
}

/// What the nodes that are meant logged at or after `from`.
pub(in crate::scenario) fn entries<'e, 'run>(
    evidence: &'e Evidence<'run>,
    node: &NodeRef,
    from: BootInstant,
) -> impl Iterator<Item = (&'run Event, LogEntry)> + use<'e, 'run> {
    let nodes = node.resolve(evidence);
    let logged = evidence.events.iter().filter(move |event| event.kind == Kind::Log && event.boot_ns >= from);
    let meant = logged.filter(move |event| event.node.as_ref().is_some_and(|node| nodes.contains(node)));
    meant.filter_map(|event| Some((*event, event.after_as()?)))
}

impl fmt::Display for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("the log of {} has {}", self.node, self.entry()))
    }
}
