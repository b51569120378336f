//! Runs in a made-up world.

mod world;

use std::{
    cell::{Cell, RefCell},
    net::Ipv4Addr,
    path::Path,
    rc::Rc,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use world::{MadeUp, Recording, Silent};

use super::{Prepared, run};
use crate::{
    cluster::{
        Inventory, Target,
        fakes::{INVENTORY, Postmaster},
    },
    proof::EdgeVerdict,
    record::{EVENTS_FILE, ProbeMet, ZeroFrom},
    report::{RunResult, RunVerdict, rebuild, timeline},
    scenario::Scenario,
};

const CUT_AND_REVERT: &str = r#"
title = "x"
[lab]
local = "tcp"
[[step]]
[[step.rule]]
node = "@leader"
ports = [5432]
action = "drop"
[[step]]
until = "new-leader"
within = "20s"
[[step]]
revert = true
[[expect]]
that = "new-leader"
within = "20s"
"#;

/// Runs a scenario, and checks what is true of every run.
fn go(world: &MadeUp, text: &str, directory: &Path) -> RunResult {
    let inventory = Inventory::parse(INVENTORY, "inventory.toml").expect("a good inventory");
    go_on(&inventory, world, text, directory)
}

fn go_on(inventory: &Inventory, world: &MadeUp, text: &str, directory: &Path) -> RunResult {
    let scenario = Scenario::parse("s.toml", "cut-and-revert", text).expect("a good scenario");
    let prepared = Prepared::new(scenario, Path::new(".")).expect("nothing to read");
    let (asked, patience) = (AtomicUsize::new(0), world.patience);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) >= patience;
    let (result, paths) = run(&prepared, inventory, directory, world, &stop, &mut Silent).expect("reports");
    assert!(world.in_force.borrow().is_empty(), "a cut is still in force");
    assert_eq!(rebuild(directory).expect("a whole record").0, result, "a rebuilt result differs");
    assert!(paths.html.exists() && paths.junit.exists() && paths.markdown.exists() && paths.json.exists());
    result
}

#[test]
fn a_step_waits_for_its_mark_no_longer_than_the_record_takes() {
    let folder = tempfile::tempdir().expect("a folder");
    let moments = "[[step]]\nwait = '10ms'\n".repeat(5);
    let text = format!("title = 'x'\nexpect = []\n{moments}");
    let result = go(&MadeUp::default(), &text, &folder.path().join("moments"));
    let (first, last) = (&result.steps[0], &result.steps[4]);
    let took = last.to_s.expect("it ended") - first.from_s;
    // One mark that is not found takes two seconds.
    assert!(took < 2.0, "five moments took {took} s");
}

#[test]
fn how_many_sockets_a_cut_closed_is_recorded_and_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let closing = CUT_AND_REVERT.replace("[5432]", "[5432]\nclose_sockets = true");
    let world = MadeUp { hits: true, ..MadeUp::default() };
    let told = |text: &str, name: &str| {
        let result = go(&world, text, &folder.path().join(name));
        timeline(&result).into_iter().find(|line| line.text.starts_with("cut in force")).expect("a cut").text
    };
    assert_eq!(told(&closing, "closing"), "cut in force: drop tcp to 5432; 3 sockets closed");
    assert_eq!(told(CUT_AND_REVERT, "other"), "cut in force: drop tcp to 5432");
}

#[test]
fn what_is_paused_goes_on_when_the_run_ends() {
    let (folder, postmaster) = (tempfile::tempdir().expect("a folder"), Postmaster::start());
    let mut inventory = Inventory::parse(INVENTORY, "inventory.toml").expect("a good inventory");
    inventory.nodes[0].data_dir = Some(postmaster.data_dir().to_owned());
    let pause = "title = 'x'\nexpect = []\n[[step]]\npause = 'postgres'\nnode = '@leader'\n";
    for (name, rest, interrupted) in [
        ("end", "", false),
        ("error", "[[step]]\nrun = ['false']", false),
        ("interrupt", "[[step]]\nrun = ['sleep', '600']", true),
    ] {
        let world = MadeUp { patience: if interrupted { 12 } else { usize::MAX }, ..MadeUp::default() };
        let result = go_on(&inventory, &world, &format!("{pause}{rest}"), &folder.path().join(name));
        assert_eq!(result.interrupted, interrupted, "{name}: {:?}", result.reason);
        let acted = result.steps[0].action.as_ref().expect("an action");
        let said = format!("PostgreSQL on pg1 (pid {}) is stopped", postmaster.pid());
        assert_eq!((acted.node.as_deref(), acted.outcome.as_deref()), (Some("pg1"), Some(said.as_str())));
        assert_eq!(result.metrics.zero, Some(ZeroFrom::Action), "{name}");
        postmaster.wait_for_state('S');
    }
}

#[test]
fn an_action_that_cannot_be_done_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, step, reason) in [
        ("data", "kill = 'postgres'\nnode = '@leader'", "add `data_dir` to its [[node]]"),
        ("nobody", "stop = 'patroni'\nnode = 'pg9'", "the inventory has no node `pg9`; it has pg1, pg2"),
    ] {
        let text = format!("title = 'x'\nexpect = []\n[[step]]\n{step}\n");
        let result = go(&MadeUp::default(), &text, &folder.path().join(name));
        assert_eq!(result.verdict, RunVerdict::Error, "{name}");
        assert!(result.reason.as_deref().is_some_and(|said| said.contains(reason)), "{:?}", result.reason);
    }
}

#[test]
fn a_switchover_that_nobody_answers_is_judged_as_any_other_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut inventory = Inventory::parse(INVENTORY, "inventory.toml").expect("a good inventory");
    // Loopback, where nobody listens on port 1.
    for (last, node) in (1..).zip(&mut inventory.nodes) {
        (node.address, node.rest_port) = (Ipv4Addr::new(127, 0, 0, last).into(), 1);
    }
    let text = "title = 'x'\nexpect = []\n[[step]]\nswitchover = true\n";
    let result = go_on(&inventory, &MadeUp::default(), text, &folder.path().join("run"));
    assert_eq!(result.verdict, RunVerdict::Fail, "{:?}", result.reason);
    let observed = &result.expectations[0].observed;
    assert!(observed.starts_with("no answer") && observed.contains("refused"), "{observed}");
}

#[test]
fn a_run_cuts_reverts_and_judges() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().join("run");
    let world = MadeUp::default();
    let result = go(&world, CUT_AND_REVERT, &directory);
    assert_eq!((result.verdict, result.reason.as_deref()), (RunVerdict::Pass, None));
    assert_eq!((result.id.as_str(), result.scenario.as_str()), ("run", "cut-and-revert"));
    assert_eq!(result.cuts[0].packets, 1);
    assert_eq!(result.steps.len(), 3);
    let kept = std::fs::read_to_string(directory.join("inventory.toml")).expect("an inventory");
    assert!(!kept.contains("secret"), "{kept}");
}

#[test]
fn a_cut_without_a_hit_proves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = MadeUp { hits: false, ..MadeUp::default() };
    let text = CUT_AND_REVERT.replace("within = \"20s\"", "within = \"100ms\"");
    let result = go(&world, &text, &folder.path().join("run"));
    assert_eq!(result.verdict, RunVerdict::Invalid);
    // Where it need not hit, its expectations decide.
    let text = text.replace("[[step.rule]]", "must_hit = false\n[[step.rule]]");
    let result = go(&world, &text, &folder.path().join("again"));
    assert_eq!(result.verdict, RunVerdict::Fail);
    assert_eq!(result.steps[1].error.as_deref(), Some("not within 0 s"));
}

#[test]
fn a_cut_that_leaks_proves_nothing_and_one_that_does_not_is_proven() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut inventory = Inventory::parse(INVENTORY, "inventory.toml").expect("a good inventory");
    for node in &mut inventory.nodes {
        node.transport = Target::Netns(node.name.clone());
    }
    for (leaks, verdict, proof) in [
        (true, RunVerdict::Invalid, EdgeVerdict::Leaked),
        // Its one packet is the probe's, as far as anybody can tell.
        (false, RunVerdict::Invalid, EdgeVerdict::Confirmed),
    ] {
        let world = MadeUp { meets: leaks.then_some(ProbeMet::Passes), ..MadeUp::default() };
        let result = go_on(&inventory, &world, CUT_AND_REVERT, &folder.path().join(leaks.to_string()));
        assert_eq!(result.verdict, verdict, "{:?}", result.reason);
        assert_eq!(result.cuts[0].edges[0].verdict, proof);
        let reason = if leaks { "`cut` leaked on pg2" } else { "none but netsplit's own probes" };
        assert!(result.reason.as_deref().is_some_and(|said| said.contains(reason)), "{:?}", result.reason);
    }
}

#[test]
fn what_is_for_other_clusters_is_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = r#"
title = "x"
[[step]]
run = ["false"]
when = { local = "socket" }
[[step]]
apply = "POLICY"
as = "old"
when = { patroni = "<4" }
[[step]]
[[step.rule]]
node = "@leader"
ports = [5432]
action = "drop"
[[step]]
until = "inside"
node = "@any-replica"
writable = false
within = "20s"
required = true
[[expect]]
that = "leader-unchanged"
when = { local = "socket" }
[[expect]]
that = "new-leader"
within = "20s"
when = { local = "tcp", patroni = ">=4.1" }
"#;
    // A policy is read whatever the cluster is.
    let policy = folder.path().join("cut.toml");
    std::fs::write(&policy, "description = 'x'\n[[rule]]\nnode = '@leader'\naction = 'drop'\n")
        .expect("a file");
    let text = text.replace("POLICY", &policy.display().to_string());
    let result = go(&MadeUp::default(), &text, &folder.path().join("run"));
    assert_eq!((result.verdict, result.reason.as_deref()), (RunVerdict::Pass, None));
    let indices: Vec<_> = result.steps.iter().map(|step| (step.index, step.error.is_none())).collect();
    assert_eq!(indices, [(2, true), (3, true)]);
    let names: Vec<_> = result.expectations.iter().map(|judged| judged.name.as_str()).collect();
    assert_eq!(names, ["new-leader"]);
}

#[test]
fn an_interrupted_run_reverts_and_tells_what_it_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = CUT_AND_REVERT.replace("until = \"new-leader\"\nwithin = \"20s\"", "wait = \"1h\"");
    let world = MadeUp { patience: 8, ..MadeUp::default() };
    let result = go(&world, &text, &folder.path().join("run"));
    assert!(result.interrupted);
    assert_eq!((result.verdict, result.reason.as_deref()), (RunVerdict::Error, Some("interrupted")));
    assert_eq!(result.steps[1].error.as_deref(), Some("interrupted"));
    assert!(result.metrics.new_leader_s.is_some(), "what was seen is told");
}

#[test]
fn what_goes_wrong_becomes_a_verdict_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = CUT_AND_REVERT.replace("\"tcp\"", "\"socket\"");
    for (name, world, text, reason) in [
        (
            "refused",
            MadeUp { refuses: true, ..MadeUp::default() },
            CUT_AND_REVERT,
            "apply cut: this kernel has no BPF",
        ),
        ("unmet", MadeUp::default(), &socket, "netsplit lab up --local socket"),
    ] {
        let result = go(&world, text, &folder.path().join(name));
        assert_eq!(result.verdict, RunVerdict::Error, "{name}");
        assert!(result.reason.as_deref().is_some_and(|said| said.contains(reason)), "{:?}", result.reason);
        assert!(!result.interrupted);
    }
}

#[test]
fn a_revert_that_fails_is_tried_again_and_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = MadeUp { stubborn: Cell::new(1), ..MadeUp::default() };
    let result = go(&world, CUT_AND_REVERT, &folder.path().join("step"));
    assert_eq!(result.verdict, RunVerdict::Error);
    assert!(result.reason.is_some_and(|reason| reason.starts_with("revert: c0ffee cannot be reverted")));

    // Without a step that reverts, the end of the run does.
    let text = CUT_AND_REVERT.replace("[[step]]\nrevert = true\n", "");
    let world = MadeUp { stubborn: Cell::new(1), ..MadeUp::default() };
    let result = go(&world, &text, &folder.path().join("end"));
    assert_eq!(result.verdict, RunVerdict::Error);
    assert!(result.reason.is_some_and(|reason| reason.contains("its lease ends it")));
}

#[test]
fn a_panic_reverts_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().join("run");
    let world = MadeUp { panics: true, ..MadeUp::default() };
    let in_force = Rc::clone(&world.in_force);
    let panic =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| go(&world, CUT_AND_REVERT, &directory)));
    assert!(panic.is_err());
    assert!(in_force.borrow().is_empty(), "a cut is still in force");
    let (result, _) = rebuild(&directory).expect("a record");
    assert_eq!(result.verdict, RunVerdict::Error);
    assert!(result.reason.is_some_and(|reason| reason.contains("ends before the run did")));
    assert!(directory.join(EVENTS_FILE).exists());
}

#[test]
fn the_lease_covers_the_rest_of_the_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = CUT_AND_REVERT.replacen(
        "[[step]]\nrevert = true",
        "[[step]]\nwait = \"10ms\"\n[[step]]\nrevert = true",
        1,
    );
    let leases = Rc::new(RefCell::new(Vec::new()));
    let world = Recording { inner: MadeUp::default(), leases: Rc::clone(&leases) };
    let scenario = Scenario::parse("s.toml", "s", &text).expect("a good scenario");
    let prepared = Prepared::new(scenario, Path::new(".")).expect("nothing to read");
    let inventory = Inventory::parse(INVENTORY, "inventory.toml").expect("a good inventory");
    run(&prepared, &inventory, &folder.path().join("run"), &world, &|| false, &mut Silent).expect("reports");
    assert_eq!(*leases.borrow(), [Duration::from_millis(20_000 + 10 + 30_000)]);
}
