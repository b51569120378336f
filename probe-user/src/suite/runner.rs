//! Runs a suite: each scenario, then the cluster back to health, then the next.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{
    Forecast, JOURNAL, Making, Note, Notice, Outline, Place, Progress, Stage, Suite, forecast::guess,
    progress::Stopwatch,
};
use crate::{
    causes::in_a_line,
    journal::{Journal, JournalError},
    lab::{self, Healed},
    report::{Paths, RunResult, SeriesError, suite},
    scenario::{Failure, LabNeeds, Prepared},
};

/// How a suite is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// How often, as a whole; at least once.
    pub repeat: u32,
    /// When it ends early.
    pub go_on: GoOn,
}

/// When a suite ends early, interrupts aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GoOn {
    /// After the first scenario that does not pass.
    UntilFailure,
    /// When there is no cluster left to run on: the lab cannot be made anew.
    #[default]
    WhileThereIsACluster,
    /// Never: each scenario tries anew to make what it needs.
    Always,
}

/// Runs a suite into a new directory.
///
/// Whatever happens after its journal was begun becomes part of its result, not an error. `stop` is asked often; once
/// it says so, the present run reverts its cuts and reports, and the suite reports what it has.
pub fn run(
    suite: &Suite,
    manner: Manner,
    directory: &Path,
    stage: &mut dyn Stage,
    stop: &(dyn Fn() -> bool + Sync),
    progress: &mut dyn Progress,
) -> Result<(suite::SuiteResult, Paths), SeriesError> {
    let began = Instant::now();
    let mut journal = Journal::create(directory, JOURNAL)?;
    journal.note(Note::Begun { at: Timestamp::now(), suite: Outline::of(suite, manner.repeat) })?;
    let mut tour = Tour {
        suite,
        manner,
        directory,
        stage,
        stop,
        progress,
        journal,
        forecast: Forecast::new(Vec::new()),
        missing: Vec::new(),
        runs: BTreeMap::new(),
    };
    let stopped = match tour.go()? {
        Next::GoOn => None,
        Next::End(why) => Some(why),
    };
    tour.clear()?;
    let Tour { mut journal, runs, .. } = tour;
    let took_s = began.elapsed().as_secs_f64();
    journal.note(Note::Ended { took_s, interrupted: stop(), stopped: stopped.filter(|_| !stop()) })?;
    let id = directory.file_name().unwrap_or_default().to_string_lossy();
    let result = suite::SuiteResult::of(&id, journal.notes(), &runs);
    let paths = suite::write(directory, &result, &runs)?;
    Ok((result, paths))
}

struct Tour<'s> {
    suite: &'s Suite,
    manner: Manner,
    directory: &'s Path,
    stage: &'s mut dyn Stage,
    stop: &'s (dyn Fn() -> bool + Sync),
    progress: &'s mut dyn Progress,
    journal: Journal<Note>,
    forecast: Forecast,
    /// Clusters that could not be made, and why.
    missing: Vec<(LabNeeds, String)>,
    /// By run directory.
    runs: BTreeMap<String, RunResult>,
}

enum Next {
    GoOn,
    /// Why the rest is left out; of no account after an interrupt.
    End(String),
}

impl Tour<'_> {
    fn go(&mut self) -> Result<Next, JournalError> {
        if let Err(why) = self.main()? {
            return Ok(Next::End(why));
        }
        self.estimate();
        if self.stage.is_lab() {
            let healed = self.heal(None, 1, Place::Main)?;
            self.progress.notice(Notice::Healed(healed.as_ref().map_err(String::as_str)));
            if healed.is_err()
                && !(self.stop)()
                && let Err(why) =
                    self.make(Place::Main, &LabNeeds::default(), "the one before was not healthy")?
            {
                return Ok(Next::End(why));
            }
        }
        let suite = self.suite;
        let mut turn = 0;
        for repetition in 1..=self.manner.repeat {
            for prepared in suite.scenarios() {
                turn += 1;
                if (self.stop)() {
                    return Ok(Next::End("interrupted".to_owned()));
                }
                if let Next::End(why) = self.turn(turn, prepared, repetition)? {
                    return Ok(Next::End(why));
                }
            }
        }
        Ok(Next::GoOn)
    }

    /// One scenario, once, and the cluster back to health.
    fn turn(&mut self, turn: usize, prepared: &Prepared, repetition: u32) -> Result<Next, JournalError> {
        let scenario = prepared.scenario();
        let of = self.suite.scenarios().count() * self.manner.repeat as usize;
        self.progress.notice(Notice::Begins { turn, of, scenario, forecast: &self.forecast });
        let began = Instant::now();
        let place = match self.place(prepared)? {
            Ok(place) => place,
            Err(_) if (self.stop)() => return Ok(Next::End("interrupted".to_owned())),
            Err(why) => return self.without_cluster(prepared, repetition, began.elapsed(), why),
        };
        let name = match repetition {
            1 => scenario.id.clone(),
            more => format!("{}-{more}", scenario.id),
        };
        self.journal.note(Note::Runs {
            scenario: scenario.id.clone(),
            repetition,
            directory: name.clone(),
        })?;
        let run_began = Instant::now();
        let mut watch = Stopwatch::new(self.progress);
        let outcome = self.stage.run(place, prepared, &self.directory.join(&name), &mut watch);
        let health_s = watch.health().as_secs_f64();
        let took = run_began.elapsed();
        let error = outcome.as_ref().err().map(|error| in_a_line(error));
        self.journal.note(Note::Ran {
            scenario: scenario.id.clone(),
            repetition,
            directory: Some(name.clone()),
            took_s: took.as_secs_f64(),
            health_s,
            error: error.clone(),
        })?;
        let interrupted = (self.stop)();
        let healed = if interrupted || !self.stage.is_lab() {
            Ok(None)
        } else {
            self.heal(Some(&scenario.id), repetition, place)?.map(Some)
        };
        let result = outcome.ok();
        let lost = healed.as_ref().err().map(String::as_str);
        let (verdict, reason) = suite::judge(result.as_ref(), error.as_deref(), lost);
        self.forecast.took(began.elapsed());
        self.progress.notice(Notice::Over {
            scenario,
            verdict,
            reason: reason.as_deref(),
            took,
            healed: healed.as_ref().ok().and_then(Option::as_ref),
            left: self.forecast.left(Duration::ZERO),
        });
        if let Some(result) = result {
            self.runs.insert(name, result);
        }
        if interrupted {
            return Ok(Next::End("interrupted".to_owned()));
        }
        if self.manner.go_on == GoOn::UntilFailure && verdict != suite::SuiteVerdict::Pass {
            return Ok(Next::End(format!("`{}` did not pass, and the suite was to end there", scenario.id)));
        }
        if healed.is_err() && !(self.stop)() {
            let why = format!("the one before did not come back after {}", scenario.id);
            let made = self.make(place, &scenario.lab, &why)?;
            if let Err(why) = made
                && place == Place::Main
                && self.manner.go_on != GoOn::Always
            {
                return Ok(Next::End(why));
            }
        }
        Ok(Next::GoOn)
    }

    /// A scenario for which there is no cluster.
    fn without_cluster(
        &mut self,
        prepared: &Prepared,
        repetition: u32,
        took: Duration,
        why: String,
    ) -> Result<Next, JournalError> {
        let scenario = prepared.scenario();
        self.journal.note(Note::Ran {
            scenario: scenario.id.clone(),
            repetition,
            directory: None,
            took_s: 0.0,
            health_s: 0.0,
            error: Some(why.clone()),
        })?;
        self.forecast.took(took);
        let (verdict, reason) = suite::judge(None, Some(&why), None);
        let left = self.forecast.left(Duration::ZERO);
        let reason = reason.as_deref();
        self.progress.notice(Notice::Over { scenario, verdict, reason, took, healed: None, left });
        let lost = self.stage.inventory(Place::Main).is_none();
        Ok(match self.manner.go_on {
            GoOn::UntilFailure => Next::End(why),
            GoOn::WhileThereIsACluster if lost => Next::End(why),
            _ => Next::GoOn,
        })
    }

    /// Where a scenario runs: on the main cluster if that is what it asks for, or if there can be no other.
    fn place(&mut self, prepared: &Prepared) -> Result<Result<Place, String>, JournalError> {
        if let Err(why) = self.main()? {
            return Ok(Err(why));
        }
        let needs = &prepared.scenario().lab;
        let fits = |place| self.stage.inventory(place).is_some_and(|cluster| needs.unmet(cluster).is_empty());
        let place = match (fits(Place::Main) || !self.stage.is_lab(), fits(Place::Side)) {
            (true, _) => Place::Main,
            (false, true) => return Ok(Ok(Place::Side)),
            (false, false) => Place::Side,
        };
        // Two labs disturb each other's timing: the one at the side stands only while it is needed.
        self.remove_side()?;
        if place == Place::Main {
            return Ok(Ok(Place::Main));
        }
        if self.manner.go_on != GoOn::Always
            && let Some((_, why)) = self.missing.iter().find(|(missing, _)| missing == needs)
        {
            return Ok(Err(why.clone()));
        }
        let asks =
            needs.unmet(self.stage.inventory(Place::Main).unwrap_or_else(|| unreachable!("it was made")));
        // What they say about a way out is what is done now.
        let asks: Vec<_> = asks.iter().map(|asked| asked.split(": `").next().unwrap_or(asked)).collect();
        let why = format!("for {}: {}", prepared.scenario().id, asks.join("; "));
        let made = self.make(Place::Side, needs, &why)?;
        if let Err(why) = &made {
            self.missing.push((needs.clone(), why.clone()));
        }
        Ok(made.map(|()| Place::Side))
    }

    /// The main cluster, made if it does not stand.
    fn main(&mut self) -> Result<Result<(), String>, JournalError> {
        if self.stage.inventory(Place::Main).is_some() {
            return Ok(Ok(()));
        }
        self.make(Place::Main, &LabNeeds::default(), "the suite runs on it")
    }

    fn make(
        &mut self,
        place: Place,
        needs: &LabNeeds,
        why: &str,
    ) -> Result<Result<(), String>, JournalError> {
        let lab = self.stage.name(place, needs);
        self.timed(&lab, why, true, |stage| stage.make(place, needs))
            .map(|made| made.map_err(|error| format!("the lab `{lab}` cannot be made: {error}")))
    }

    fn remove_side(&mut self) -> Result<(), JournalError> {
        let Some(side) = self.stage.inventory(Place::Side) else { return Ok(()) };
        let lab = side.lab.as_ref().map(|lab| lab.name.clone()).unwrap_or_default();
        self.timed(&lab, "nothing needs it any more", false, |stage| stage.remove_side()).map(drop)
    }

    fn clear(&mut self) -> Result<(), JournalError> {
        self.remove_side()?;
        if !self.stage.is_ours() || self.stage.inventory(Place::Main).is_none() {
            return Ok(());
        }
        let lab = self.stage.name(Place::Main, &LabNeeds::default());
        self.timed(&lab, "the suite is over", false, |stage| stage.clear()).map(drop)
    }

    /// Makes or removes a lab, and writes down how that went and whether it stands then.
    fn timed(
        &mut self,
        lab: &str,
        why: &str,
        makes: bool,
        work: impl FnOnce(&mut (dyn Stage + '_)) -> Result<(), Failure>,
    ) -> Result<Result<(), String>, JournalError> {
        self.progress.notice(Notice::Making(Making { lab, why }));
        let began = Instant::now();
        let error = work(self.stage).err().map(|error| in_a_line(&*error));
        let took = began.elapsed();
        self.progress.notice(Notice::Made(Making { lab, why }, took, error.as_deref()));
        self.journal.note(Note::Lab {
            lab: lab.to_owned(),
            why: why.to_owned(),
            stands: makes == error.is_none(),
            took_s: took.as_secs_f64(),
            error: error.clone(),
        })?;
        Ok(error.map_or(Ok(()), Err))
    }

    /// Brings a cluster back to health; why it is not, if it is not.
    fn heal(
        &mut self,
        after: Option<&str>,
        repetition: u32,
        place: Place,
    ) -> Result<Result<Healed, String>, JournalError> {
        self.progress.notice(Notice::Healing);
        let patience = lab::patience(self.stage.inventory(place));
        let began = Instant::now();
        let healed = self.stage.heal(place, patience).map_err(|error| in_a_line(&*error));
        // A cluster that nobody waited for is not lost.
        let lost = healed.as_ref().err().filter(|_| !(self.stop)()).cloned();
        self.journal.note(Note::Healed {
            after: after.map(str::to_owned),
            repetition,
            took_s: began.elapsed().as_secs_f64(),
            mended: healed.as_ref().map(|healed| healed.mended.clone()).unwrap_or_default(),
            lost: lost.clone(),
        })?;
        Ok(match (healed, lost) {
            (Ok(healed), _) => Ok(healed),
            (Err(_), Some(lost)) => Err(lost),
            (Err(_), None) => Ok(Healed { took: began.elapsed(), mended: Vec::new() }),
        })
    }

    fn estimate(&mut self) {
        let Some(main) = self.stage.inventory(Place::Main) else { return };
        let once = self.suite.scenarios().map(|prepared| {
            let scenario = prepared.scenario();
            (scenario.id.clone(), guess(scenario, main))
        });
        let once: Vec<_> = once.collect();
        let turns = once.iter().cycle().take(once.len() * self.manner.repeat as usize);
        self.forecast = Forecast::new(turns.cloned().collect());
    }
}
