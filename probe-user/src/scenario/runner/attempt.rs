//! One way through a scenario, from the first look at the cluster to the last revert.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    Prepared,
    cuts::Cuts,
    event,
    live::{Live, Notice, Progress},
    parts::{Parts, Zero},
    world::{Watching, World},
};
use crate::{
    causes::in_a_line,
    clock::BootInstant,
    cluster::{Inventory, Target},
    cut::DEFAULT_LEASE,
    policy::{Place, Policy, resolve},
    record::{Acted, Event, EventSink, Kind, Recorder, Source, StepMark, View, in_order},
    scenario::{
        Act, ActError, ActNode, ApplyStep, Condition, Deed, Evidence, Expression, Scene, Scope, Step,
        UntilEnd, UntilStep,
    },
};

/// How often the record is looked at while something is waited for.
const GLANCE: Duration = Duration::from_millis(250);

/// How long the observers may take to see everything once.
const READY: Duration = Duration::from_secs(30);

/// How long a cluster may take to become healthy, beyond its ttl.
const HEALTHY: Duration = Duration::from_mins(1);

/// How long an event may take from its sending to the record.
const ARRIVAL: Duration = Duration::from_secs(2);

/// What a lease has beyond the rest of the scenario.
const MARGIN: Duration = Duration::from_secs(30);

/// Why a run ended before its last step.
pub(super) enum Stop {
    /// Somebody asked for it.
    Interrupted,
    /// It could not go on.
    Failed(String),
}

pub(super) struct Attempt<'run> {
    prepared: &'run Prepared,
    inventory: &'run Inventory,
    world: &'run dyn World,
    stop: &'run (dyn Fn() -> bool + Sync),
    progress: &'run mut dyn Progress,
    live: Live<'run>,
    sink: EventSink,
    /// What the action of the present step did.
    acted: Option<Acted>,
    /// Who played which part when something was first done to the cluster.
    zero: Option<Zero>,
    // In this order: when all is dropped in a panic, the cuts go first, and the observers last.
    cuts: Cuts<'run>,
    until_end: UntilEnd,
    watch: Option<Box<dyn Watching>>,
}

impl<'run> Attempt<'run> {
    pub(super) fn new(
        prepared: &'run Prepared,
        inventory: &'run Inventory,
        recorder: &'run Recorder,
        world: &'run dyn World,
        stop: &'run (dyn Fn() -> bool + Sync),
        progress: &'run mut dyn Progress,
    ) -> Self {
        Self {
            prepared,
            inventory,
            world,
            stop,
            progress,
            live: Live::new(recorder),
            sink: recorder.sink(),
            acted: None,
            zero: None,
            cuts: Cuts::new(world, recorder.sink()),
            until_end: UntilEnd::default(),
            watch: None,
        }
    }

    /// Baseline and steps.
    pub(super) fn go(&mut self) -> Result<(), Stop> {
        let unmet = self.prepared.scenario.lab.unmet(self.inventory);
        if !unmet.is_empty() {
            return Err(Stop::Failed(format!(
                "the cluster is not what the scenario asks for: {}",
                unmet.join("; ")
            )));
        }
        self.baseline()?;
        for (index, step) in self.prepared.scenario.steps.iter().enumerate() {
            if !step.when.holds(self.inventory.lab.as_ref()) {
                continue;
            }
            let what = step.in_words();
            self.progress.notice(Notice::Phase(&what));
            self.mark(mark_of(index, step, "begin", None));
            let outcome = self.step(index, step);
            let error = match &outcome {
                Ok(note) => note.clone(),
                Err(Stop::Interrupted) => Some("interrupted".to_owned()),
                Err(Stop::Failed(why)) => Some(why.clone()),
            };
            self.mark(mark_of(index, step, "end", error));
            outcome.map_err(|stop| match stop {
                Stop::Failed(why) => Stop::Failed(format!("{what}: {why}")),
                Stop::Interrupted => Stop::Interrupted,
            })?;
        }
        Ok(())
    }

    /// Reverts what is in force, puts back what actions left behind and ends the observers, however the attempt
    /// went.
    pub(super) fn end(&mut self, last_check: Duration) -> Result<(), Stop> {
        let why = if (self.stop)() { "interrupted" } else { "revert" };
        let reverted = self.cuts.revert(None, why).map_err(Stop::Failed);
        self.put_back();
        if let Some(watch) = self.watch.take() {
            self.progress.notice(Notice::Phase("reading the rows back"));
            watch.stop(last_check);
        }
        self.live.look(self.progress);
        reverted
    }

    /// What there was to put back stands in the record as a step of its own, behind those of the scenario.
    fn put_back(&mut self) {
        let index = self.prepared.scenario.steps.len();
        let (what, began) = ("put back what actions left behind".to_owned(), BootInstant::now());
        let mark = StepMark { index, name: None, what, phase: "begin".to_owned(), error: None, action: None };
        let first = event(Source::Scenario, Kind::Step, &mark);
        let (done, failed) = self.until_end.undo();
        if done.is_empty() && failed.is_empty() {
            return;
        }
        self.sink.send(first);
        let said = |words: Vec<String>| (!words.is_empty()).then(|| words.join("; "));
        self.acted = Some(Acted { began, node: None, outcome: said(done), request: None });
        self.mark(StepMark { phase: "end".to_owned(), error: said(failed), ..mark });
    }

    fn baseline(&mut self) -> Result<(), Stop> {
        self.progress.notice(Notice::Phase("starting the observers"));
        let watch = self.world.watch(self.inventory, self.sink.clone());
        self.watch = Some(watch.map_err(|error| Stop::Failed(in_a_line(&*error)))?);
        // In slices, so that an interrupt is heard.
        let deadline = Instant::now() + READY;
        while let Some(watch) = &self.watch {
            match watch.ready(GLANCE) {
                Ok(()) => break,
                Err(error) if Instant::now() >= deadline => return Err(Stop::Failed(in_a_line(&*error))),
                Err(_) => self.check_interrupt()?,
            }
        }
        self.progress.notice(Notice::Waiting("waiting for a healthy cluster"));
        let within = self.inventory.timings.ttl() + HEALTHY;
        if self.wait_for(&Condition::Healthy, within)? {
            return Ok(());
        }
        let lacks = View::after(in_order(&self.live.events)).lacks(&self.inventory.names()).join("; ");
        Err(Stop::Failed(format!(
            "the cluster was not healthy within {} s, so nothing was done to it: {lacks}. Mend it first; \
             `netsplit run --only` or a folder mends a lab by itself",
            within.as_secs()
        )))
    }

    /// Does a step; the note of one that went on without what it waited for.
    fn step(&mut self, index: usize, step: &Step) -> Result<Option<String>, Stop> {
        self.check_interrupt()?;
        match &step.deed {
            Deed::Apply(apply) => self.apply(index, apply).map(|()| None),
            Deed::Wait(span) => {
                let span = self.span(span)?;
                self.wait(span).map(|()| None)
            }
            Deed::Until(until) => self.until(until),
            Deed::Revert(name) => {
                self.cuts.revert(name.as_deref(), "revert").map(|()| None).map_err(Stop::Failed)
            }
            Deed::Act(act) => self.act(act).map(|()| None),
        }
    }

    fn apply(&mut self, index: usize, step: &ApplyStep) -> Result<(), Stop> {
        let policy = self.prepared.policies[index].as_ref();
        let policy: &Policy = policy.ok_or_else(|| Stop::Failed("no policy was read for it".to_owned()))?;
        self.live.look(self.progress);
        let roles = Parts::now(&self.live.events, &mut self.zero).roles(self.inventory);
        let place = Place { cluster: Some(self.inventory), local: Target::Local };
        let plan = resolve(policy, &place, &roles).map_err(|error| Stop::Failed(in_a_line(&error)))?;
        let lease = match &step.lease {
            Some(lease) => self.span(lease)?,
            None => self.rest_of_scenario(index, &step.name),
        };
        self.cuts
            .apply(&step.name, self.inventory, &plan, lease)
            .map_err(|error| Stop::Failed(in_a_line(&*error)))
    }

    /// The longest that the scenario can take from a step to the revert of its cut, and a margin.
    fn rest_of_scenario(&self, index: usize, name: &str) -> Duration {
        let facts = self.inventory.lab.as_ref();
        let rest = self.prepared.scenario.steps[index + 1..].iter().filter(|step| step.when.holds(facts));
        let in_force = rest.take_while(|step| match &step.deed {
            Deed::Revert(reverted) => reverted.as_deref().is_some_and(|reverted| reverted != name),
            _ => true,
        });
        let bounds = in_force.filter_map(Step::bound);
        // A span that is not known yet is one in terms of an earlier cut.
        bounds.map(|bound| self.span(bound).unwrap_or(DEFAULT_LEASE)).sum::<Duration>() + MARGIN
    }

    fn until(&mut self, step: &UntilStep) -> Result<Option<String>, Stop> {
        let within = self.span(&step.within)?;
        if self.wait_for(&step.condition, within)? {
            return Ok(None);
        }
        let missed = format!("not within {:.0} s", within.as_secs_f64());
        if step.required { Err(Stop::Failed(missed)) } else { Ok(Some(missed)) }
    }

    fn act(&mut self, act: &Act) -> Result<(), Stop> {
        let timeout = self.span(act.timeout())?;
        self.live.look(self.progress);
        let parts = Parts::now(&self.live.events, &mut self.zero);
        let scene = Scene {
            inventory: self.inventory,
            leader: parts.leader.as_deref(),
            old_leader: parts.old_leader.as_deref(),
            new_leader: parts.new_leader.as_deref(),
            node: None,
            timeout,
            stop: self.stop,
            until_end: &self.until_end,
        };
        let node = act.node().map(|choice: &ActNode| scene.node_of(choice)).transpose();
        let node = node.map_err(|error| Stop::Failed(error.to_string()))?;
        let scene = Scene { node: node.as_ref(), ..scene };
        let name = node.as_ref().map(|node| node.name.clone());
        let acted =
            self.acted.insert(Acted { began: BootInstant::now(), node: name, outcome: None, request: None });
        match act.perform(&scene) {
            Ok(outcome) => {
                acted.outcome = Some(outcome.said);
                acted.request = outcome.request;
                Ok(())
            }
            Err(ActError::Interrupted) => Err(Stop::Interrupted),
            Err(other) => Err(Stop::Failed(in_a_line(&other))),
        }
    }

    /// Waits until the condition holds; `false` when the time was up first.
    fn wait_for(&mut self, condition: &Condition, within: Duration) -> Result<bool, Stop> {
        let nodes = self.inventory.names();
        let deadline = Instant::now() + within;
        loop {
            self.live.look(self.progress);
            if condition.holds(&self.live.events, &nodes, self.inventory.timings) {
                return Ok(true);
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(false);
            }
            self.nap(GLANCE.min(deadline - now))?;
        }
    }

    fn wait(&mut self, span: Duration) -> Result<(), Stop> {
        let deadline = Instant::now() + span;
        loop {
            self.live.look(self.progress);
            let now = Instant::now();
            if now >= deadline {
                return Ok(());
            }
            self.nap(GLANCE.min(deadline - now))?;
        }
    }

    fn nap(&self, span: Duration) -> Result<(), Stop> {
        thread::sleep(span);
        self.check_interrupt()
    }

    fn check_interrupt(&self) -> Result<(), Stop> {
        if (self.stop)() { Err(Stop::Interrupted) } else { Ok(()) }
    }

    fn span(&self, expression: &Expression) -> Result<Duration, Stop> {
        let scope = if expression.needs_cut() {
            Evidence::new(&self.live.events, self.inventory.timings).scope
        } else {
            Scope { timings: self.inventory.timings, cut: None }
        };
        expression.evaluate(&scope).map_err(|error| Stop::Failed(error.to_string()))
    }

    /// Records a mark, and waits until the record has it: what follows then sees everything before it.
    fn mark(&mut self, mark: StepMark) {
        let mark = event(Source::Scenario, Kind::Step, &StepMark { action: self.acted.take(), ..mark });
        self.sink.send(mark.clone());
        let deadline = Instant::now() + ARRIVAL;
        loop {
            self.live.look(self.progress);
            // The recorder gives it a line.
            let here = |event: &Event| event.boot_ns == mark.boot_ns && event.after == mark.after;
            if self.live.events.iter().rev().any(here) || Instant::now() >= deadline {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn mark_of(index: usize, step: &Step, phase: &str, error: Option<String>) -> StepMark {
    let (name, what, phase) = (step.name.clone(), step.in_words(), phase.to_owned());
    StepMark { index, name, what, phase, error, action: None }
}
