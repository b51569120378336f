//! What changed, by time; what is old is forgotten.

use std::collections::VecDeque;

use crate::{
    clock::BootInstant,
    record::{Event, Source, Transition},
    report::{Tone, line},
};

/// How many are kept.
const KEPT: usize = 1000;

/// The same trouble is told again after this time only, in seconds.
const REPEAT_S: u64 = 10;

/// A line of what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: BootInstant,
    /// How it is meant.
    pub tone: Tone,
    /// What it is about.
    pub subject: String,
    /// What happened.
    pub text: String,
}

impl From<&Transition> for Change {
    fn from(transition: &Transition) -> Self {
        let line = line(transition);
        Self { at: transition.at, tone: line.tone, subject: line.subject, text: line.text }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    kept: VecDeque<Change>,
    told: u64,
}

impl Changes {
    /// The newest at the end.
    pub(super) fn kept(&self) -> &VecDeque<Change> {
        &self.kept
    }

    /// How many there were in all.
    pub(super) fn told(&self) -> u64 {
        self.told
    }

    pub(super) fn push(&mut self, change: Change) {
        self.told += 1;
        // Some are known for sure only later.
        let later = self.kept.iter().rev().take_while(|kept| kept.at > change.at).count();
        self.kept.insert(self.kept.len() - later, change);
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    /// An observer's own trouble; the same one only now and then.
    pub(super) fn trouble(&mut self, event: &Event) {
        let Some(words) = event.after.as_str() else { return };
        let subject = event.node.clone().unwrap_or_else(|| observer(event.source).to_owned());
        let change =
            Change { at: event.boot_ns, tone: Tone::Step, subject, text: format!("observer: {words}") };
        let recent = self.kept.iter().rev().take_while(|one| change.at.since(one.at).as_secs() < REPEAT_S);
        let told = recent.into_iter().any(|one| one.subject == change.subject && one.tone == Tone::Step);
        if !told {
            self.push(change);
        }
    }
}

fn observer(source: Source) -> &'static str {
    match source {
        Source::Etcd => "etcd",
        Source::Haproxy => "haproxy",
        Source::Client => "clients",
        _ => "netsplit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay() {
        let mut changes = Changes::default();
        for ns in 0..3000 {
            let (subject, text) = ("pg1".to_owned(), String::new());
            changes.push(Change { at: BootInstant { ns }, tone: Tone::Bad, subject, text });
        }
        assert_eq!(changes.kept().len(), KEPT);
        assert_eq!(changes.kept().back().map(|last| last.at.ns), Some(2999));
    }
}
