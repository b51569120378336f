//! A row of rounds on one ground, then the end of everything, then the look at what is left.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::Stdio,
    sync::{
        Barrier, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    dice::Dice,
    ground::{
        BPFFS, FOREIGN_PIN, Ground, Resident, exists, layers, new_bpffs, own_mounts, traces_of_process,
        uncover,
    },
    harness::poll_until,
    look,
    plan::{Round, round},
    round::{Stage, Usual, ends, revert},
    tally::Tally,
};

/// What all rows share.
pub(crate) struct Common {
    seed: u64,
    before: BTreeSet<String>,
    pub(crate) tally: Mutex<Tally>,
    pub(crate) failures: Mutex<Vec<String>>,
    usual: Usual,
    once_more: AtomicBool,
}

impl Common {
    /// What is in the kernel before the first round is nobody's here.
    pub(crate) fn new(seed: u64, before: BTreeSet<String>) -> Self {
        let (tally, failures, usual, once_more) = Default::default();
        Self { seed, before, tally, failures, usual, once_more }
    }
}

/// One row's ground, which serves for many batches.
#[derive(Default)]
pub(crate) struct Row {
    ground: Option<Ground>,
}

impl Row {
    /// Plays rounds, waits for the others, and one of all ends everything. Failures are collected: the others wait.
    pub(crate) fn play(&mut self, common: &Common, numbers: &[usize], barrier: &Barrier, ends_all: bool) {
        own_mounts();
        uncover(layers());
        new_bpffs();
        // The mounts of a thread cannot be found; those of a process can.
        let resident = Resident::here();
        let mut dice = Dice::of_round(common.seed, usize::MAX / 2 + numbers[0]);
        let mut stage = None;
        attempt(common, numbers, || {
            let ground = self.ground.take().unwrap_or_else(|| Ground::new(&mut dice));
            ground.pin_foreign();
            let stage = stage.insert(Stage::new(ground, &common.usual));
            if !dice.one_in(4) {
                stage.put_base(&round(common.seed, numbers[0]));
            }
            for &number in numbers {
                let round = round(common.seed, number);
                let (phase, waited) = stage.play(&round);
                let kind = (round.operation, round.blow);
                common.tally.lock().unwrap().count(kind, round.flavour.0, phase, waited);
            }
        });
        barrier.wait();
        if ends_all {
            attempt(common, numbers, revert_all);
            common.once_more.store(false, Ordering::SeqCst);
        }
        barrier.wait();
        attempt(common, numbers, || {
            for mut stopped in stage.iter_mut().flat_map(|stage| stage.stopped.drain(..)) {
                let _ = kill_process(Pid::from_child(&stopped), Signal::CONT);
                ends(&mut stopped, &round(common.seed, numbers[0]));
                // It may have begun only now, and be in force in its own right.
                common.once_more.store(true, Ordering::SeqCst);
            }
        });
        barrier.wait();
        if ends_all {
            attempt(common, numbers, || {
                if common.once_more.load(Ordering::SeqCst) {
                    revert_all();
                }
                poll_until("programs, maps and links are freed", Duration::from_secs(10), || {
                    look::objects().is_subset(&common.before)
                });
            });
        }
        barrier.wait();
        attempt(common, numbers, || self.ground = stage.take().map(look));
        drop(resident);
    }
}

fn attempt(common: &Common, numbers: &[usize], work: impl FnOnce()) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(work)) else { return };
    let words = panic.downcast_ref::<String>().cloned();
    let words =
        words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned())).unwrap_or_default();
    let rounds: Vec<_> = numbers.iter().map(|&number| round(common.seed, number).to_string()).collect();
    common.failures.lock().unwrap().push(format!(
        "{words}\nin the row of\n  {}\nagain: cargo xtask torture --seed {} --first {} --rounds {}",
        rounds.join("\n  "),
        common.seed,
        numbers[0],
        numbers.len()
    ));
}

fn revert_all() {
    let mut command = revert("--all");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    ends(&mut child, &"`revert --all`");
    let told = child.wait_with_output().unwrap();
    assert!(told.status.success(), "{told:?}");
}

/// Whether anything is left, and whether what is others' is as before. Gives the ground back if it still is one.
fn look(stage: Stage<'_>) -> Ground {
    let mut left: Vec<String> = Vec::new();
    left.extend(stage.residents.iter().flat_map(|resident| traces_of_process(resident.pid())));
    let folder = Path::new(BPFFS).join("netsplit");
    while layers() > 1 {
        if folder.exists() {
            left.push(format!("{} on layer {}", folder.display(), layers()));
        }
        uncover(1);
    }
    if folder.exists() {
        left.push(format!("{} on the lowest layer", folder.display()));
    }
    if !stage.unmounted && !exists(FOREIGN_PIN) {
        left.push("the foreign pin is gone".to_owned());
    }
    let standing = stage.ruins.iter().filter(|ruin| !ruin.destroyed);
    left.extend(standing.chain([&stage.ground]).flat_map(Ground::changes));
    assert!(left.is_empty(), "after `revert --all`:\n{}", left.join("\n"));
    stage.ground
}

impl Round {
    /// Whether others end everything meanwhile.
    pub(crate) fn is_disturbed(&self) -> bool {
        crate::plan::kinds(true).contains(&(self.operation, self.blow))
    }
}
