//! The run as it is seen while it goes.

use std::collections::{HashMap, HashSet};

use crate::{
    clock::BootInstant,
    record::{Event, FLAP, Recorder, Transition, What, transitions},
};

/// Hears of a run while it goes.
pub trait Progress {
    /// Something to tell, or to show anew.
    fn notice(&mut self, notice: Notice<'_>);
}

/// What a run has to tell.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// Something begins: a step in words, or what comes before and after them.
    Phase(&'a str),
    /// As a phase, but one that is over only when the cluster says so.
    Waiting(&'a str),
    /// A transition that will not be taken back.
    Change(&'a Transition),
    /// Time passes.
    Tick,
}

/// Events so far, and which of their transitions were told.
pub(super) struct Live<'run> {
    recorder: &'run Recorder,
    pub(super) events: Vec<Event>,
    told: HashSet<(What, String, usize)>,
}

impl<'run> Live<'run> {
    pub(super) fn new(recorder: &'run Recorder) -> Self {
        Self { recorder, events: Vec::new(), told: HashSet::new() }
    }

    /// Takes in what is new, and tells it.
    pub(super) fn look(&mut self, progress: &mut dyn Progress) {
        let new = self.recorder.events_since(self.events.len());
        if !new.is_empty() {
            self.events.extend(new);
        }
        let now = BootInstant::now();
        // What is told again counts by its number, since a zero or a beginning may still move a little.
        let mut counts: HashMap<(What, &str), usize> = HashMap::new();
        let transitions = transitions(&self.events);
        for transition in &transitions {
            let count = counts.entry((transition.what, &transition.subject)).or_insert(0);
            *count += 1;
            if transition.what.may_flap() && now.since(transition.at) <= FLAP {
                continue;
            }
            if self.told.insert((transition.what, transition.subject.clone(), *count)) {
                progress.notice(Notice::Change(transition));
            }
        }
        progress.notice(Notice::Tick);
    }
}
