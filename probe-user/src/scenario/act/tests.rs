//! Actions as scenario files have them.

use crate::{
    document::Rejected,
    scenario::{Deed, Scenario},
};

fn read(step: &str) -> Result<Scenario, Rejected> {
    Scenario::parse("s.toml", "s", &format!("title = \"x\"\nexpect = []\n[[step]]\n{step}\n"))
}

#[test]
fn actions_in_the_words_of_the_timeline() {
    let steps = [
        "kill = 'postgres'\nsignal = 'KILL'\nnode = '@leader'",
        "kill = 'patroni'\nnode = 'pg2'",
        "pause = 'postgres'\nnode = '@any-replica'",
        "resume = 'patroni'\nnode = '@old-leader'\ntimeout = '5s'",
        "stop = 'postgres'\nnode = '@leader'",
        "stop = 'patroni'\nnode = '@leader'\ntimeout = '2 * loop_wait'",
        "start = 'patroni'\nnode = '@old-leader'",
        "switchover = true",
        "switchover = '@any-replica'\nleader = 'pg1'\nstatus = 412",
        "reboot = true\nnode = '@leader'",
        "reboot = true\nnode = 'pg3'\nafter = '1500ms'",
        "run = ['true', 'x']",
        "run = ['true']\nnode = '@leader'",
        "kill = 'haproxy'\nsignal = 'KILL'",
        "stop = 'etcd'",
        "stop = 'etcd'\nnode = '@other-replica'",
        "pause = 'haproxy'\nnode = 'ha'",
        "start = 'haproxy'",
        "switchover = '@new-leader'\nvia = 'patronictl'",
        "switchover = 'pg9'\nvia = 'patronictl'\nexit = 1\nbody = 'does not exist'",
        "failover = '@other-replica'",
        "failover = true\nstatus = 400\nbody = 'specific candidate'",
        "restart = true\nnode = '@new-leader'\nvia = 'patronictl'",
        "reinitialise = true\nnode = '@any-replica'\nforce = true\nstatus = 503",
        "reinitialise = true\nnode = '@any-replica'\nvia = 'patronictl'",
        "maintenance = true",
        "maintenance = false\nvia = 'patronictl'",
    ];
    let lines = steps.map(|text| {
        let scenario = read(text).unwrap_or_else(|error| panic!("{error:?}"));
        let Deed::Act(act) = &scenario.steps[0].deed else { panic!("{scenario:?}") };
        format!("{} (within {})", act.in_words(), act.timeout())
    });
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn mistakes_in_actions_are_told_with_the_way_out() {
    let steps = [
        "kill = 'postgress'\nnode = '@leader'",
        "kill = 'postgres'",
        "kill = 'postgres'\nnode = '@leader'\nsignal = 'STOP'",
        "kill = 'postgres'\nnode = '@replica'",
        "kill = 'postgres'\npause = 'postgres'\nnode = 'pg1'",
        "start = 'postgres'\nnode = 'pg1'",
        "switchover = false",
        "switchover = true\nnode = 'pg1'",
        "switchover = true\nstatus = 42",
        "stop = 'patroni'\nnode = 'pg1'\nsignal = 'KILL'",
        "reboot = true\nafter = 'soon'",
        "stop = 'nginx'",
        "stop = 'patroni'",
        "start = 'haproxi'",
        "failover = false",
        "restart = true",
        "restart = true\nnode = 'pg1'\nvia = 'ssh'",
        "reinitialise = true\nnode = 'pg1'\nvia = 'patronictl'\nforce = false",
        "maintenance = 'on'\nexit = 1",
    ];
    let lines = steps.map(|text| {
        let rejected = read(text).expect_err(text);
        let problems = rejected.problems().iter().map(|problem| {
            let label = problem.label().unwrap_or_default();
            format!("  {} [{label}] → {}\n", problem.message(), problem.way_out().unwrap_or_default())
        });
        format!("{}\n{}", text.replace('\n', "; "), problems.collect::<String>())
    });
    insta::assert_snapshot!(lines.join(""));
}
