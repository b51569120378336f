//! Comparisons of made-up runs.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{
    Comparison, Factor, JOURNAL, Note, Notice, Plan, Progress, Reading, Site, Sites, Strength, Variant,
    read_journal, run, variants,
};
use crate::{
    cluster::{Inventory, fakes::INVENTORY},
    lab::Healed,
    record::story::Story,
    report::{RunResult, RunVerdict},
    scenario::{self, Failure, LabNeeds, RunError},
};

const SCENARIO: &str = "title = 'A cut'\nexpect = []\n[[step]]\nas = 'cut'\n[[step.rule]]\nnode = '@leader'\n\
                        ports = [5432]\naction = 'drop'\n[[step]]\nrevert = true\n";

fn factors(texts: &[&str]) -> Vec<Factor> {
    texts.iter().map(|text| text.parse().expect("a good factor")).collect()
}

/// A comparison of a cut's actions, and of ports where there are two.
fn planned(vary: &[&str], repeat: u32, labs: u32) -> (Plan, Vec<Variant>, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cut.toml");
    fs::write(&file, SCENARIO).expect("room");
    let factors = factors(vary);
    let variants = variants(&file, &factors).expect("good factors");
    let plan = Plan {
        scenario: "cut".to_owned(),
        title: "A cut".to_owned(),
        description: None,
        factors,
        cells: variants.iter().map(|variant| variant.levels.clone()).collect(),
        repeat,
        seed: 7,
        labs,
    };
    (plan, variants, folder)
}

/// A run in which a dropped primary is followed by another one after about twenty seconds, a reset one is not.
fn made_up(name: &str, variant: &Variant, jitter: f64) -> RunResult {
    let story = Story::healthy()
        .writing(-8.0, 0.0)
        .step(-0.1, 0, "apply cut", "begin")
        .applied(0.0, "pg1")
        .step(0.1, 0, "apply cut", "end")
        .hit(0.5, "pg1", 0.0, 9);
    let story = match variant.levels[0].as_str() {
        "reset" => story.writing(0.1, 50.0),
        _ => story
            .write(2.0, 2.0, "unknown")
            .silent(3.0 + jitter, "pg1")
            .server(4.0 + jitter, "pg1", "primary", "DOWN")
            .leader(20.0 + jitter, None)
            .leader(22.0 + jitter, Some("pg2"))
            .writing(25.0 + jitter, 50.0)
            .rest(44.0 + jitter, "pg1", "replica")
            .server(45.0 + jitter, "pg1", "replica", "UP"),
    };
    let mut events = story.reverted(40.0, "pg1").rows(60.0, &[]).over(61.0, 2, None).events;
    events.sort_by_key(|event| event.boot_ns);
    RunResult::of(name, variant.prepared.scenario(), &events)
}

/// Clusters on which everything goes as it was written.
#[derive(Default)]
struct MadeUp {
    asked: Mutex<Vec<String>>,
    ran: AtomicUsize,
    pressed: AtomicBool,
    /// Ctrl-C comes in this run.
    press_in: Option<usize>,
    /// Healing fails after this run.
    lost_after: Option<usize>,
    /// Labs cannot be made anew.
    no_room: bool,
    /// This run has no record.
    fails: Option<usize>,
}

struct MadeUpSite<'s> {
    sites: &'s MadeUp,
    name: String,
    inventory: Option<Inventory>,
    made: usize,
}

impl Sites for MadeUp {
    fn site(&self, worker: u32, needs: &LabNeeds) -> Box<dyn Site + '_> {
        let name = format!("lab-{worker}{}", needs.ttl.map(|ttl| format!("-t{ttl}")).unwrap_or_default());
        Box::new(MadeUpSite { sites: self, name, inventory: None, made: 0 })
    }
}

impl MadeUp {
    fn ask(&self, what: String) {
        self.asked.lock().expect("nobody panics").push(what);
    }

    fn asked(&self, what: &str) -> usize {
        self.asked.lock().expect("nobody panics").iter().filter(|asked| asked.starts_with(what)).count()
    }
}

impl Site for MadeUpSite<'_> {
    fn inventory(&self) -> Option<&Inventory> {
        self.inventory.as_ref()
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn make(&mut self) -> Result<(), Failure> {
        self.sites.ask(format!("make {}", self.name));
        self.made += 1;
        if self.sites.no_room && self.made > 1 {
            self.inventory = None;
            return Err("there is no room".into());
        }
        self.inventory = Some(Inventory::parse(INVENTORY, "x.toml")?);
        Ok(())
    }

    fn heal(&mut self, _: Duration) -> Result<Option<Healed>, Failure> {
        let ran = self.sites.ran.load(Ordering::Relaxed);
        if self.sites.lost_after == Some(ran) {
            return Err("pg3 does not come back".into());
        }
        Ok(Some(Healed { took: Duration::ZERO, mended: Vec::new() }))
    }

    fn run(
        &mut self,
        variant: &Variant,
        directory: &Path,
        _: &mut dyn scenario::Progress,
    ) -> Result<RunResult, RunError> {
        let number = self.sites.ran.fetch_add(1, Ordering::Relaxed) + 1;
        let name = directory.file_name().expect("a name").to_string_lossy().into_owned();
        self.sites.ask(format!("run {name} on {}", self.name));
        if self.sites.fails == Some(number) {
            let source = std::io::Error::other("no space left");
            return Err(RunError::Keep { path: directory.to_owned(), source });
        }
        let mut result = made_up(&name, variant, f64::from(u32::try_from(number).expect("few runs")) / 10.0);
        if self.sites.press_in == Some(number) {
            self.sites.pressed.store(true, Ordering::Relaxed);
            result.interrupted = true;
        }
        Ok(result)
    }

    fn clear(&mut self) -> Result<(), Failure> {
        self.sites.ask(format!("clear {}", self.name));
        self.inventory = None;
        Ok(())
    }
}

struct Told(Vec<String>);

impl Progress for Told {
    fn notice(&mut self, notice: Notice<'_>) {
        self.0.push(format!("{notice:?}"));
    }
}

fn go(sites: &MadeUp, vary: &[&str], repeat: u32, labs: u32) -> (Comparison, Vec<Note>) {
    let (plan, variants, folder) = planned(vary, repeat, labs);
    let directory = folder.path().join("out");
    let stop = || sites.pressed.load(Ordering::Relaxed);
    let mut told = Told(Vec::new());
    let (comparison, paths) =
        run(&plan, &variants, &directory, sites, &stop, &mut told).expect("there is room");
    for path in [&paths.html, &paths.markdown, &paths.json, &paths.runs, &paths.summary] {
        assert!(path.exists(), "{}", path.display());
    }
    assert!(directory.join(JOURNAL).exists());
    let notes = read_journal(&directory).expect("a journal");
    (comparison, notes)
}

/// What a comparison of these combinations, five times each, comes to; for tests of its reports.
pub(crate) fn sample() -> Comparison {
    go(&MadeUp::default(), &["action=drop,reject,reset", "ports=5432,8008"], 5, 1).0
}

fn difference<'c>(
    comparison: &'c Comparison,
    measure: &str,
    one: &str,
    other: &str,
) -> &'c super::Difference {
    let wanted =
        |found: &&super::Difference| found.measure == measure && found.one == one && found.other == other;
    comparison.differences.iter().find(wanted).expect("they were compared")
}

#[test]
fn what_differs_is_told_from_what_does_not() {
    let comparison = sample();
    assert_eq!(comparison.counted(), (30, 30));
    assert_eq!(comparison.cells.len(), 6);
    let reading = comparison.cells[0].runs[0].readings["new_leader"];
    assert!(matches!(reading, Reading::Number(seconds) if (22.0..26.0).contains(&seconds)), "{reading:?}");
    assert_eq!(comparison.cells[4].levels, ["reset", "5432"]);
    assert_eq!(comparison.cells[4].runs[0].readings["new_leader"], Reading::NEVER);
    assert_eq!(difference(&comparison, "new_leader", "drop", "reset").strength, Strength::Larger);
    assert_eq!(difference(&comparison, "new_leader", "drop", "reject").strength, Strength::Noise);
    assert_eq!(difference(&comparison, "writes_lost", "drop", "reset").strength, Strength::Alike);
    let ports = comparison.differences.iter().filter(|one| one.factor == "ports");
    assert!(ports.clone().count() > 0 && ports.clone().all(|one| one.given.len() == 1));
    assert!(ports.into_iter().all(|one| one.strength != Strength::Larger), "ports make no difference here");
}

#[test]
fn few_runs_tell_nothing() {
    let (comparison, _) = go(&MadeUp::default(), &["action=drop,reject,reset"], 2, 1);
    assert_eq!(difference(&comparison, "new_leader", "drop", "reset").strength, Strength::TooFew);
}

#[test]
fn side_by_side_every_run_is_made_once_and_every_lab_goes() {
    let sites = MadeUp::default();
    let (comparison, notes) = go(&sites, &["action=drop,reset", "ttl=20,30"], 6, 3);
    assert_eq!(comparison.counted(), (24, 24));
    assert_eq!(sites.asked("run "), 24);
    assert_eq!(sites.asked("make "), sites.asked("clear "));
    assert!(sites.asked("make ") <= 6, "a lab for each ttl and worker, and it stays");
    let mut turns: Vec<_> = comparison.cells.iter().flat_map(|cell| &cell.runs).map(|run| run.turn).collect();
    turns.sort_unstable();
    assert_eq!(turns, (1..=24).collect::<Vec<_>>());
    assert!(matches!(notes.last(), Some(Note::Ended { interrupted: false, stopped: None, .. })));
}

#[test]
fn a_cluster_that_does_not_come_back_is_made_anew() {
    let sites = MadeUp { lost_after: Some(3), ..MadeUp::default() };
    let (comparison, _) = go(&sites, &["action=drop,reset"], 3, 1);
    assert_eq!((comparison.counted(), sites.asked("make ")), ((6, 6), 2));

    let sites = MadeUp { lost_after: Some(3), no_room: true, ..MadeUp::default() };
    let (comparison, _) = go(&sites, &["action=drop,reset"], 3, 1);
    assert_eq!(comparison.counted(), (3, 3));
    let why = comparison.stopped.unwrap_or_default();
    assert_eq!(why, "the lab `lab-1` cannot be made: there is no room");
}

#[test]
fn an_interrupt_ends_it_with_what_there_is() {
    let sites = MadeUp { press_in: Some(4), ..MadeUp::default() };
    let (comparison, _) = go(&sites, &["action=drop,reset"], 3, 1);
    assert!(comparison.interrupted);
    assert_eq!(comparison.counted(), (3, 4), "the run that was interrupted does not count");
    assert_eq!(sites.asked("clear "), 1);
}

#[test]
fn a_run_without_a_record_is_told_and_does_not_count() {
    let sites = MadeUp { fails: Some(2), ..MadeUp::default() };
    let (comparison, _) = go(&sites, &["action=drop,reset"], 2, 1);
    assert_eq!(comparison.counted(), (3, 4));
    let mut runs = comparison.cells.iter().flat_map(|cell| &cell.runs);
    let lost = runs.find(|run| run.verdict.is_none()).expect("it is there");
    assert!(lost.reason.as_deref().is_some_and(|why| why.contains("no space left")), "{lost:?}");
}

#[test]
fn a_comparison_that_was_killed_is_told_from_its_journal() {
    let (plan, variants, _folder) = planned(&["action=drop,reset"], 2, 1);
    let ran = |turn: usize, cell: usize| Note::Ran {
        cell,
        repetition: 1,
        turn,
        lab: "lab".to_owned(),
        directory: format!("run-{turn}"),
        took_s: 60.0,
        error: None,
    };
    let notes = [Note::Begun { at: jiff::Timestamp::UNIX_EPOCH, plan }, ran(1, 0), ran(2, 1)];
    let results: BTreeMap<_, _> = [("run-1".to_owned(), made_up("run-1", &variants[0], 0.0))].into();
    let comparison = Comparison::of("killed", &notes, &results);
    assert_eq!(comparison.counted(), (1, 2));
    assert_eq!(comparison.stopped.as_deref(), Some("netsplit was killed before it ended"));
    assert_eq!(comparison.cells[0].runs[0].verdict, Some(RunVerdict::Pass));
    let nothing = Comparison::of("nothing", &[], &BTreeMap::new());
    assert_eq!(nothing.counted(), (0, 0));
}
