//! What a round does: which operation, by which backend, what happens to it, and when. Pure.

use std::{fmt, time::Duration};

use clap::ValueEnum;

use crate::dice::Dice;

/// A backend's flavour: its name here, and what is said on the command line.
pub(crate) type Flavour = (&'static str, &'static [&'static str]);

pub(crate) const FLAVOURS: [Flavour; 5] = [
    // A foreign program sits on another interface.
    ("xdp", &["--backend", "xdp", "--interfaces", "eth0"]),
    ("tcx", &["--backend", "tc", "--tc", "tcx"]),
    ("clsact", &["--backend", "tc", "--tc", "clsact"]),
    (NFT, &["--backend", "nft"]),
    ("auto", &["--backend", "auto"]),
];

/// The flavour that has nothing on bpffs.
pub(crate) const NFT: &str = "nft";

/// The flavours that the environment leaves: all, or those of one name or one backend.
fn flavours() -> Vec<Flavour> {
    let Ok(only) = std::env::var("NETSPLIT_TORTURE_BACKEND") else { return FLAVOURS.to_vec() };
    let is_meant = |(name, way): &Flavour| *name == only || way.contains(&only.as_str());
    let left: Vec<_> = FLAVOURS.into_iter().filter(is_meant).collect();
    assert!(!left.is_empty(), "no flavour is called {only}: {FLAVOURS:?}");
    left
}

/// What netsplit is asked for while the blow falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Operation {
    Apply,
    /// A second cut over a first, which then goes.
    Replace,
    /// A controller that holds a cut, as a run does.
    Hold,
    Revert,
    RevertAll,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Blow {
    Kill,
    StopAndKill,
    StopAndContinue,
    /// Stopped until everything was ended without it.
    StopThroughTheEnd,
    FullDisk,
    Unmount,
    UnmountLazily,
    MountOver,
    /// Pins or tables deleted by hand, some of them or all.
    DeletedByHand,
    NamespaceGone,
    /// It has no name any more, but a process lives on in it.
    NamespaceUnnamed,
    InterfaceGone,
    RaceApply,
    RaceRevert,
    RaceRevertAll,
}

impl Blow {
    /// Whether it needs a moment at which a process is struck.
    pub(crate) fn is_signal(self) -> bool {
        use Blow::{Kill, StopAndContinue, StopAndKill, StopThroughTheEnd};
        matches!(self, Kill | StopAndKill | StopAndContinue | StopThroughTheEnd)
    }
}

/// When the blow falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Moment {
    /// After this part of the time that the operation usually takes.
    Part(f64),
    /// So long after a sign.
    After(Sign, Duration),
}

/// What can be seen from outside of how far netsplit has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Folder,
    Program,
    Seal,
    Link,
    SealGone,
    FolderGone,
    /// `nft` was called to change something.
    Transaction,
}

/// A round.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) number: usize,
    pub(crate) operation: Operation,
    pub(crate) blow: Blow,
    pub(crate) flavour: Flavour,
    pub(crate) direction: &'static str,
    pub(crate) moment: Moment,
    pub(crate) lease: Duration,
    pub(crate) dice: Dice,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, operation, blow, flavour: (flavour, _), direction, moment, lease, .. } = self;
        write!(
            f,
            "round {number}: {operation:?} by {flavour} ({direction}), {blow:?} at {moment:?}, lease {lease:?}"
        )
    }
}

/// Rounds that stand in one row, on one ground, before everything is ended.
pub(crate) const ROW: usize = 5;

/// Rows side by side.
pub(crate) const ROWS: usize = 6;

/// Of so many rounds, the last quarter end everything themselves, which disturbs their neighbours: they are on
/// their own.
pub(crate) const CYCLE: usize = 4 * ROW * ROWS;

/// Whether a round may end everything, and its place among those of its sort.
fn place(number: usize) -> (bool, usize) {
    let (cycle, at) = (number / CYCLE, number % CYCLE);
    let quiet = CYCLE - CYCLE / 4;
    if at < quiet { (false, cycle * quiet + at) } else { (true, cycle * (CYCLE / 4) + at - quiet) }
}

/// Every operation with everything that can happen to it.
pub(crate) fn kinds(ending_everything: bool) -> Vec<(Operation, Blow)> {
    let mut kinds = Vec::new();
    for &operation in Operation::value_variants() {
        for &blow in Blow::value_variants() {
            let ends = operation == Operation::RevertAll || blow == Blow::RaceRevertAll;
            // Nothing is written while a cut is held.
            if ends == ending_everything && (operation, blow) != (Operation::Hold, Blow::FullDisk) {
                kinds.push((operation, blow));
            }
        }
    }
    kinds
}

/// A round by its number. Kinds follow each other in an order of the seed's, so that none is left out.
pub(crate) fn round(seed: u64, number: usize) -> Round {
    let (ends_everything, place) = place(number);
    let mut kinds = kinds(ends_everything);
    let lap = place / kinds.len();
    Dice::of_round(seed, usize::MAX - lap).shuffle(&mut kinds);
    let (operation, blow) = kinds[place % kinds.len()];
    let mut dice = Dice::of_round(seed, number);
    let flavour = *dice.of(&flavours());
    let moment = if operation == Operation::Hold || dice.one_in(2) {
        Moment::Part(dice.part() * 1.05)
    } else {
        let signs: &[Sign] = match operation {
            _ if flavour.0 == NFT => &[Sign::Transaction],
            Operation::Revert | Operation::RevertAll => &[Sign::SealGone, Sign::FolderGone],
            _ => &[Sign::Folder, Sign::Program, Sign::Seal, Sign::Link],
        };
        Moment::After(*dice.of(signs), dice.up_to(Duration::from_millis(8)))
    };
    Round {
        number,
        operation,
        blow,
        flavour,
        direction: if dice.one_in(3) { "both" } else { "in" },
        moment,
        lease: Duration::from_millis(900) + dice.up_to(Duration::from_millis(600)),
        dice,
    }
}

#[test]
fn every_kind_comes_and_comes_again_the_same() {
    let mut met = std::collections::BTreeSet::new();
    for number in 0..CYCLE {
        let (one, two) = (round(7, number), round(7, number));
        assert_eq!(one.to_string(), two.to_string());
        met.insert((one.operation, one.blow));
    }
    assert_eq!(met.len(), kinds(true).len() + kinds(false).len());
    assert_ne!(round(7, 3).to_string(), round(8, 3).to_string());
}
