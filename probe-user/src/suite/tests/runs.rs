//! What a suite does when things go wrong.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{
    files::scenario,
    made_up::{Goes, MadeUp, well},
};
use crate::{
    lab::Healed,
    report::suite::{SuiteResult, SuiteVerdict, rebuild},
    suite::{GoOn, Manner, Notice, Progress, Suite, run},
};

const ONCE: Manner = Manner { repeat: 1, go_on: GoOn::WhileThereIsACluster };

#[derive(Default)]
struct Ear {
    over: Vec<(String, SuiteVerdict)>,
}

impl Progress for Ear {
    fn notice(&mut self, notice: Notice<'_>) {
        if let Notice::Over { scenario, verdict, .. } = notice {
            self.over.push((scenario.id.clone(), verdict));
        }
    }
}

/// Four scenarios; `c` and `d` ask for a socket where `socket` says so.
fn suite(folder: &Path, socket: bool) -> Suite {
    let files = folder.join("scenarios");
    fs::create_dir(&files).expect("a folder");
    for id in ["a", "b", "c", "d"] {
        let needs = if socket && id > "b" { "lab = { local = 'socket' }" } else { "" };
        fs::write(files.join(format!("{id}.toml")), scenario(id, needs)).expect("a file");
    }
    Suite::load(&[files]).expect("a good suite")
}

/// Runs the suite, and checks what is true of every suite.
fn go(socket: bool, manner: Manner, stage: &mut MadeUp<'_>, pressed: &AtomicBool) -> SuiteResult {
    let folder = tempfile::tempdir().expect("a folder");
    let suite = suite(folder.path(), socket);
    let (directory, mut ear) = (folder.path().join("out"), Ear::default());
    let stop = || pressed.load(Ordering::Relaxed);
    let (result, paths) = run(&suite, manner, &directory, stage, &stop, &mut ear).expect("reports");
    for path in [&paths.html, &paths.junit, &paths.markdown, &paths.json] {
        assert!(path.exists(), "{}", path.display());
    }
    let text = fs::read_to_string(&paths.json).expect("a result");
    assert_eq!(serde_json::from_str::<SuiteResult>(&text).expect("reads back"), result);
    // The made-up runs leave no record, and that is what a rebuilt suite says.
    let (again, _) = rebuild(&directory).expect("a journal");
    assert_eq!(again.totals.scenarios, result.totals.scenarios);
    assert_eq!(again.totals.not_run, result.totals.not_run);
    let told: Vec<_> = ear.over.iter().map(|(_, verdict)| *verdict).collect();
    let runs =
        result.scenarios.iter().flat_map(|one| one.runs.iter().map(|run| (run.repetition, run.verdict)));
    let mut runs: Vec<_> = runs.collect();
    runs.sort_by_key(|(repetition, _)| *repetition);
    assert_eq!(told, runs.into_iter().map(|(_, verdict)| verdict).collect::<Vec<_>>());
    // A second suite does not take the first one's place.
    let error = run(&suite, manner, &directory, stage, &stop, &mut ear).expect_err("a journal is there");
    assert!(error.to_string().contains("holds runs already"), "{error}");
    result
}

fn verdicts(result: &SuiteResult) -> Vec<SuiteVerdict> {
    result.scenarios.iter().map(|one| one.verdict).collect()
}

#[test]
fn a_suite_makes_its_lab_heals_it_and_takes_it_down() {
    let pressed = AtomicBool::new(false);
    let mut stage = MadeUp::new(&pressed);
    let result = go(false, ONCE, &mut stage, &pressed);
    assert_eq!((result.verdict, result.reason.as_deref()), (SuiteVerdict::Pass, None));
    assert_eq!(
        stage.asked,
        [
            "make main",
            "heal Main",
            "run a on Main",
            "heal Main",
            "run b on Main",
            "heal Main",
            "run c on Main",
            "heal Main",
            "run d on Main",
            "heal Main",
            "clear"
        ]
    );
    assert_eq!((result.totals.passed, result.labs.len()), (4, 2));
}

#[test]
fn it_goes_on_after_a_failure_unless_told_otherwise() {
    let pressed = AtomicBool::new(false);
    for (go_on, last) in [
        (GoOn::WhileThereIsACluster, SuiteVerdict::Pass),
        (GoOn::Always, SuiteVerdict::Pass),
        (GoOn::UntilFailure, SuiteVerdict::NotRun),
    ] {
        let mut stage = MadeUp::new(&pressed);
        stage.goes.insert("b", Goes::Badly);
        let result = go(false, Manner { go_on, ..ONCE }, &mut stage, &pressed);
        assert_eq!(result.verdict, SuiteVerdict::Fail);
        assert_eq!(verdicts(&result)[1..], [SuiteVerdict::Fail, last, last]);
        assert_eq!(result.reason.is_some(), go_on == GoOn::UntilFailure);
        assert_eq!(stage.asked.last().map(String::as_str), Some("clear"));
    }
}

#[test]
fn a_cluster_that_does_not_come_back_is_a_finding_and_made_anew() {
    let pressed = AtomicBool::new(false);
    let mut stage = MadeUp::new(&pressed);
    let mended = Healed { took: Duration::from_secs(3), mended: vec!["Patroni on pg1 started".to_owned()] };
    stage.heals = [Ok(well()), Ok(mended), Err("pg1 is not listed")].into();
    let result = go(false, ONCE, &mut stage, &pressed);
    assert_eq!(result.verdict, SuiteVerdict::Fail);
    assert_eq!(
        verdicts(&result),
        [SuiteVerdict::Pass, SuiteVerdict::Fail, SuiteVerdict::Pass, SuiteVerdict::Pass]
    );
    let healing = |id| result.scenario(id).and_then(|one| one.runs[0].healing.clone()).expect("a healing");
    assert_eq!(healing("a").mended, ["Patroni on pg1 started"]);
    assert_eq!(healing("b").lost.as_deref(), Some("pg1 is not listed"));
    let reason = result.scenarios[1].reason.as_deref();
    assert_eq!(reason, Some("the cluster did not come back: pg1 is not listed"));
    assert_eq!(stage.asked[5..8], ["heal Main", "make main", "run c on Main"]);
    assert_eq!(result.labs[1].why, "the one before did not come back after b");
}

#[test]
fn without_a_cluster_the_rest_is_left_out_unless_told_to_go_on() {
    let pressed = AtomicBool::new(false);
    for (go_on, rest) in
        [(GoOn::WhileThereIsACluster, SuiteVerdict::NotRun), (GoOn::Always, SuiteVerdict::Error)]
    {
        let mut stage = MadeUp::foreign(&pressed);
        stage.lab = true;
        stage.heals = [Ok(well()), Err("pg1 is not listed")].into();
        stage.impossible.insert("main");
        let result = go(false, Manner { go_on, ..ONCE }, &mut stage, &pressed);
        assert_eq!(verdicts(&result), [SuiteVerdict::Fail, rest, rest, rest]);
        let makes = stage.asked.iter().filter(|asked| *asked == "make main").count();
        assert_eq!(makes, if go_on == GoOn::Always { 4 } else { 1 });
        assert_ne!(result.verdict, SuiteVerdict::Pass);
    }
    // Nor is there a suite where the first one cannot be made.
    let mut stage = MadeUp::new(&pressed);
    stage.impossible.insert("main");
    let result = go(false, ONCE, &mut stage, &pressed);
    assert_eq!((result.verdict, result.totals.not_run), (SuiteVerdict::Error, 4));
    assert!(result.reason.is_some_and(|why| why.contains("there is no room")));
}

#[test]
fn what_the_cluster_is_not_gets_one_at_the_side_for_as_long_as_it_is_needed() {
    let pressed = AtomicBool::new(false);
    let mut stage = MadeUp::new(&pressed);
    let result = go(true, Manner { repeat: 2, ..ONCE }, &mut stage, &pressed);
    assert_eq!(result.verdict, SuiteVerdict::Pass);
    let of_interest = stage.asked.iter().filter(|asked| !asked.starts_with("heal"));
    let once = |n: &str| {
        ["run a", "run b", "make main-socket", "run c", "run d", "remove side"].map(|what| match what {
            "run a" | "run b" => format!("{what}{n} on Main"),
            "run c" | "run d" => format!("{what}{n} on Side"),
            other => other.to_owned(),
        })
    };
    let expected: Vec<_> =
        [vec!["make main".to_owned()], once("").into(), once("-2").into(), vec!["clear".to_owned()]].concat();
    assert_eq!(of_interest.cloned().collect::<Vec<_>>(), expected);
    assert!(result.scenarios.iter().all(|one| (one.passed, one.runs.len()) == (2, 2)));
    assert_eq!(result.scenarios[3].runs[0].lab, None, "the made-up runs name none");

    // One that cannot be made is tried once, and the others go on.
    let mut stage = MadeUp::new(&pressed);
    stage.impossible.insert("main-socket");
    let result = go(true, ONCE, &mut stage, &pressed);
    assert_eq!(
        verdicts(&result),
        [SuiteVerdict::Pass, SuiteVerdict::Pass, SuiteVerdict::Error, SuiteVerdict::Error]
    );
    assert_eq!(stage.asked.iter().filter(|asked| *asked == "make main-socket").count(), 1);
    assert!(result.scenarios[3].reason.as_ref().is_some_and(|why| why.contains("there is no room")));

    // A cluster of somebody else's is neither made nor mended: its run says what is amiss.
    let mut stage = MadeUp::foreign(&pressed);
    go(true, ONCE, &mut stage, &pressed);
    assert_eq!(stage.asked, ["run a on Main", "run b on Main", "run c on Main", "run d on Main"]);
}

#[test]
fn an_interrupt_ends_it_with_what_there_is() {
    let pressed = AtomicBool::new(false);
    let mut stage = MadeUp::new(&pressed);
    stage.goes.insert("b", Goes::Interrupted);
    let result = go(false, ONCE, &mut stage, &pressed);
    assert_eq!((result.verdict, result.reason.as_deref()), (SuiteVerdict::Interrupted, Some("interrupted")));

    let [passed, stopped, left] = [SuiteVerdict::Pass, SuiteVerdict::Interrupted, SuiteVerdict::NotRun];
    assert_eq!(verdicts(&result), [passed, stopped, left, left]);
    assert_eq!(stage.asked[4..], ["run b on Main", "clear"], "it is neither healed nor gone on with");
}
