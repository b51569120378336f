//! A stage on which everything goes as it was written.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::{
    cluster::{Inventory, LocalConnection, fakes::INVENTORY},
    lab::Healed,
    record::story::Story,
    report::RunResult,
    scenario::{self, Failure, LabNeeds, Prepared, RunError},
    suite::{Place, Stage},
};

/// How a run goes.
#[derive(Clone, Copy)]
pub(super) enum Goes {
    Well,
    /// An expectation is not met.
    Badly,
    /// Somebody presses Ctrl-C.
    Interrupted,
}

/// What was asked of the stage, in order, and what it answers.
pub(super) struct MadeUp<'s> {
    pub(super) asked: Vec<String>,
    /// By scenario; what is not here goes well.
    pub(super) goes: HashMap<&'static str, Goes>,
    /// What healing comes to, in order; then it succeeds.
    pub(super) heals: VecDeque<Result<Healed, &'static str>>,
    /// Labs that cannot be made.
    pub(super) impossible: HashSet<&'static str>,
    pub(super) lab: bool,
    main: Option<Inventory>,
    side: Option<Inventory>,
    pressed: &'s AtomicBool,
}

impl<'s> MadeUp<'s> {
    pub(super) fn new(pressed: &'s AtomicBool) -> Self {
        Self {
            asked: Vec::new(),
            goes: HashMap::new(),
            heals: VecDeque::new(),
            impossible: HashSet::new(),
            lab: true,
            main: None,
            side: None,
            pressed,
        }
    }

    /// On a cluster that is there and is no lab.
    pub(super) fn foreign(pressed: &'s AtomicBool) -> Self {
        let inventory = Inventory::parse(INVENTORY, "x.toml").expect("a good inventory");
        Self { lab: false, main: Some(inventory), ..Self::new(pressed) }
    }
}

impl Stage for MadeUp<'_> {
    fn inventory(&self, place: Place) -> Option<&Inventory> {
        match place {
            Place::Main => self.main.as_ref(),
            Place::Side => self.side.as_ref(),
        }
    }

    fn is_lab(&self) -> bool {
        self.lab
    }

    fn is_ours(&self) -> bool {
        self.lab
    }

    fn name(&self, place: Place, needs: &LabNeeds) -> String {
        match (place, needs.local) {
            (Place::Main, _) => "main".to_owned(),
            (Place::Side, Some(LocalConnection::Socket)) => "main-socket".to_owned(),
            _ => "main-else".to_owned(),
        }
    }

    fn make(&mut self, place: Place, needs: &LabNeeds) -> Result<(), Failure> {
        let name = self.name(place, needs);
        self.asked.push(format!("make {name}"));
        let mut inventory = Inventory::parse(INVENTORY, "x.toml")?;
        if let Some(lab) = &mut inventory.lab {
            lab.name.clone_from(&name);
            lab.local = needs.local.unwrap_or(lab.local);
        }
        let made = (!self.impossible.contains(name.as_str())).then_some(inventory);
        let failed = made.is_none();
        match place {
            Place::Main => self.main = made,
            Place::Side => self.side = made,
        }
        if failed { Err("there is no room".into()) } else { Ok(()) }
    }

    fn remove_side(&mut self) -> Result<(), Failure> {
        self.asked.push("remove side".to_owned());
        self.side = None;
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Failure> {
        self.asked.push("clear".to_owned());
        self.main = None;
        Ok(())
    }

    fn heal(&mut self, place: Place, _: Duration) -> Result<Healed, Failure> {
        self.asked.push(format!("heal {place:?}"));
        self.heals.pop_front().unwrap_or_else(|| Ok(well())).map_err(Failure::from)
    }

    fn run(
        &mut self,
        place: Place,
        prepared: &Prepared,
        directory: &Path,
        progress: &mut dyn scenario::Progress,
    ) -> Result<RunResult, RunError> {
        let scenario = prepared.scenario();
        let name = directory.file_name().expect("a name").to_string_lossy().into_owned();
        self.asked.push(format!("run {name} on {place:?}"));
        progress.notice(scenario::Notice::Waiting("waiting for a healthy cluster"));
        progress.notice(scenario::Notice::Phase("wait 1s"));
        let story = Story::healthy().step(0.5, 0, "wait 1s", "begin").step(1.5, 0, "wait 1s", "end");
        let (story, mut scenario) = match self.goes.get(scenario.id.as_str()).unwrap_or(&Goes::Well) {
            Goes::Well => (story.over(2.0, 1, None), scenario.clone()),
            Goes::Badly => (
                story.over(2.0, 1, None),
                scenario::Scenario { expectations: two_primaries(), ..scenario.clone() },
            ),
            Goes::Interrupted => {
                self.pressed.store(true, Ordering::Relaxed);
                (story.over(2.0, 1, Some("interrupted")), scenario.clone())
            }
        };
        scenario.deviations.clear();
        Ok(RunResult::of(&name, &scenario, &story.events))
    }
}

/// Nothing was amiss.
pub(super) fn well() -> Healed {
    Healed { took: Duration::ZERO, mended: Vec::new() }
}

/// What a healthy cluster does not do.
fn two_primaries() -> Vec<scenario::Expectation> {
    let text =
        "title = 'x'\n[[step]]\nwait = '1s'\n[[expect]]\nthat = 'two-writable-primaries'\nat_least = '5s'\n";
    scenario::Scenario::parse("s.toml", "s", text).expect("a good scenario").expectations
}
