//! Runs a comparison: every combination, many times over, on one lab or on several side by side.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{Comparison, Design, JOURNAL, Note, Notice, Plan, Progress, Site, Sites, Turn, Variant};
use crate::{
    causes::in_a_line,
    journal::{Journal, JournalError},
    lab,
    report::{RunResult, SeriesError, compare as reports},
    scenario::{self, LabNeeds},
};

/// Runs a comparison into a new directory; the variants are the plan's cells, in their order.
///
/// Whatever happens after its journal was begun becomes part of its result, not an error. `stop` is asked often; once it
/// says so, the runs under way revert their cuts and report, and the comparison reports what it has.
pub fn run(
    plan: &Plan,
    variants: &[Variant],
    directory: &Path,
    sites: &dyn Sites,
    stop: &(dyn Fn() -> bool + Sync),
    progress: &mut dyn Progress,
) -> Result<(Comparison, reports::Paths), SeriesError> {
    let began = Instant::now();
    let mut journal = Journal::create(directory, JOURNAL)?;
    journal.note(Note::Begun { at: Timestamp::now(), plan: plan.clone() })?;
    let design = Design::new(variants.len(), plan.repeat, plan.seed);
    let of = design.turns.len();
    let shared = Mutex::new(Shared {
        queue: design.turns.into_iter().collect(),
        journal,
        progress,
        runs: BTreeMap::new(),
        taken: Duration::ZERO,
        stopped: None,
        broken: None,
    });
    let crew = Crew { variants, directory, sites, stop, shared: &shared, of, labs: plan.labs };
    thread::scope(|scope| {
        for worker in 1..=plan.labs {
            let crew = &crew;
            scope.spawn(move || crew.work(worker));
        }
    });
    let Shared { mut journal, runs, stopped, broken, .. } =
        shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(broken) = broken {
        return Err(broken.into());
    }
    let took_s = began.elapsed().as_secs_f64();
    journal.note(Note::Ended { took_s, interrupted: stop(), stopped: stopped.filter(|_| !stop()) })?;
    let id = directory.file_name().unwrap_or_default().to_string_lossy();
    let comparison = Comparison::of(&id, journal.notes(), &runs);
    let pictures = reports::pictures(directory, &comparison);
    let paths = reports::write(directory, &comparison, &pictures)?;
    Ok((comparison, paths))
}

/// What those who run side by side share.
struct Shared<'p> {
    queue: VecDeque<Turn>,
    journal: Journal<Note>,
    progress: &'p mut dyn Progress,
    /// By directory.
    runs: BTreeMap<String, RunResult>,
    /// What all runs so far took together.
    taken: Duration,
    /// Why the rest is left out.
    stopped: Option<String>,
    /// Why nothing more can be written down.
    broken: Option<JournalError>,
}

impl Shared<'_> {
    fn note(&mut self, note: Note) {
        if let Err(error) = self.journal.note(note) {
            self.broken.get_or_insert(error);
        }
    }
}

struct Crew<'c, 'p> {
    variants: &'c [Variant],
    directory: &'c Path,
    sites: &'c dyn Sites,
    stop: &'c (dyn Fn() -> bool + Sync),
    shared: &'c Mutex<Shared<'p>>,
    of: usize,
    labs: u32,
}

impl<'p> Crew<'_, 'p> {
    fn shared(&self) -> MutexGuard<'_, Shared<'p>> {
        // A worker that panicked has left nothing half-done in there that others would stumble over.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one run after another, until none is left. Clusters stay until the end: to make one takes as long as a run.
    fn work(&self, worker: u32) {
        let mut standing: Vec<(LabNeeds, Box<dyn Site + '_>)> = Vec::new();
        while let Some((number, turn)) = self.next() {
            let variant = &self.variants[turn.cell];
            let place =
                standing.iter().position(|(needs, _)| needs == variant.needs()).unwrap_or_else(|| {
                    standing.push((variant.needs().clone(), self.sites.site(worker, variant.needs())));
                    standing.len() - 1
                });
            let site = &mut *standing[place].1;
            if let Err(why) = self.turn(site, variant, number, turn) {
                self.shared().stopped.get_or_insert(why);
                break;
            }
        }
        for (_, mut site) in standing {
            if site.inventory().is_some() {
                let name = site.name();
                let removed =
                    self.timed(&name, "removed", || site.clear().map_err(|error| in_a_line(&*error)));
                if let Err(error) = removed {
                    self.shared().progress.notice(Notice::Stays { lab: &name, error: &error });
                }
            }
        }
    }

    /// The next run and its number, from 1.
    fn next(&self) -> Option<(usize, Turn)> {
        let mut shared = self.shared();
        if (self.stop)() || shared.stopped.is_some() || shared.broken.is_some() {
            return None;
        }
        let turn = shared.queue.pop_front()?;
        Some((self.of - shared.queue.len(), turn))
    }

    /// One run, and its cluster back to health; why there can be no more.
    fn turn(&self, site: &mut dyn Site, variant: &Variant, number: usize, turn: Turn) -> Result<(), String> {
        let lab = site.name();
        if site.inventory().is_none() {
            self.make(site)?;
        }
        let name = format!("{}-{}", variant.name, turn.repetition);
        self.shared().progress.notice(Notice::Begins { turn: number, of: self.of, name: &name, lab: &lab });
        let began = Instant::now();
        let outcome = site.run(variant, &self.directory.join(&name), &mut Quiet);
        let took = began.elapsed();
        let error = outcome.as_ref().err().map(|error| in_a_line(error));
        self.over(number, turn, &name, &lab, took, outcome.ok(), error);
        if (self.stop)() {
            return Ok(());
        }
        let patience = lab::patience(site.inventory());
        let healed = self.timed(&lab, "healed", || site.heal(patience).map_err(|error| in_a_line(&*error)));
        match healed {
            Ok(_) => Ok(()),
            Err(_) if (self.stop)() => Ok(()),
            Err(_) => self.make(site),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all that is known of a run, written down in one place")]
    fn over(
        &self,
        number: usize,
        turn: Turn,
        name: &str,
        lab: &str,
        took: Duration,
        result: Option<RunResult>,
        error: Option<String>,
    ) {
        let mut shared = self.shared();
        shared.note(Note::Ran {
            cell: turn.cell,
            repetition: turn.repetition,
            turn: number,
            lab: lab.to_owned(),
            directory: name.to_owned(),
            took_s: took.as_secs_f64(),
            error: error.clone(),
        });
        shared.taken += took;
        let left = left(shared.taken, number, shared.queue.len(), self.labs);
        let verdict = result.as_ref().map(|result| result.verdict);
        let reason = error.or_else(|| result.as_ref().and_then(|result| result.reason.clone()));
        let reason = reason.as_deref();
        shared.progress.notice(Notice::Over { turn: number, of: self.of, name, verdict, reason, took, left });
        if let Some(result) = result {
            shared.runs.insert(name.to_owned(), result);
        }
    }

    fn make(&self, site: &mut dyn Site) -> Result<(), String> {
        let lab = site.name();
        self.shared().progress.notice(Notice::Making { lab: &lab });
        let began = Instant::now();
        let made = self.timed(&lab, "made", || site.make().map_err(|error| in_a_line(&*error)));
        let error = made.as_ref().err().map(String::as_str);
        self.shared().progress.notice(Notice::Made { lab: &lab, took: began.elapsed(), error });
        made.map_err(|error| format!("the lab `{lab}` cannot be made: {error}"))
    }

    /// Does something to a lab, and writes down how that went.
    fn timed<T>(&self, lab: &str, what: &str, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
        let began = Instant::now();
        let done = work();
        self.shared().note(Note::Lab {
            lab: lab.to_owned(),
            what: what.to_owned(),
            took_s: began.elapsed().as_secs_f64(),
            error: done.as_ref().err().cloned(),
        });
        done
    }
}

/// What the rest takes, if it goes on as so far.
fn left(taken: Duration, over: usize, rest: usize, labs: u32) -> Duration {
    let parts = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    taken / parts(over).max(1) * parts(rest) / labs.max(1)
}

/// What runs side by side tell of themselves would be no story.
struct Quiet;

impl scenario::Progress for Quiet {
    fn notice(&mut self, _: scenario::Notice<'_>) {}
}
