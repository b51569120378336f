//! What was really hit.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::plan::{Blow, NFT, Operation};

/// How far the struck operation had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// No folder or no table: nothing of it was to be seen.
    NoFolder,
    /// A folder without its seal: half made or half gone.
    NoSeal,
    /// Whole, and packets saw what they had seen before.
    OldRules,
    /// Whole, and packets saw something new.
    NewRules,
    /// It was over.
    Over,
    /// No process was struck.
    NotSeen,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rounds: usize,
    kinds: BTreeMap<(Operation, Blow), usize>,
    phases: BTreeMap<(Blow, Phase), usize>,
    flavours: BTreeMap<&'static str, usize>,
    longest_wait: Duration,
}

impl Tally {
    pub(crate) fn count(
        &mut self,
        kind: (Operation, Blow),
        flavour: &'static str,
        phase: Phase,
        wait: Duration,
    ) {
        self.rounds += 1;
        *self.kinds.entry(kind).or_default() += 1;
        *self.phases.entry((kind.1, phase)).or_default() += 1;
        *self.flavours.entry(flavour).or_default() += 1;
        self.longest_wait = self.longest_wait.max(wait);
    }

    pub(crate) fn lacks(&self, kinds: &[(Operation, Blow)]) -> Vec<(Operation, Blow)> {
        kinds.iter().filter(|kind| !self.kinds.contains_key(kind)).copied().collect()
    }

    /// The phases in which no signal landed.
    pub(crate) fn phases_lacking(&self) -> Vec<Phase> {
        let all = [Phase::NoFolder, Phase::NoSeal, Phase::OldRules, Phase::NewRules, Phase::Over];
        let landed = |phase| self.phases.keys().any(|&(blow, met)| blow.is_signal() && met == phase);
        // nft's transactions leave nothing half made.
        let seals = self.flavours.keys().any(|flavour| *flavour != NFT);
        all.into_iter().filter(|&phase| !landed(phase) && (seals || phase != Phase::NoSeal)).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} rounds; traffic came back at most {:.1} s after the operation had ended",
            self.rounds,
            self.longest_wait.as_secs_f64()
        )?;
        writeln!(f, "by {:?}", self.flavours)?;
        for ((blow, phase), times) in &self.phases {
            writeln!(f, "{times:>6}  {blow:?}, {phase:?}")?;
        }
        for ((operation, blow), times) in &self.kinds {
            writeln!(f, "{times:>6}  {operation:?} with {blow:?}")?;
        }
        Ok(())
    }
}
