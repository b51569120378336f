//! Old and new Patronis.

use std::{fs, os::unix::fs::symlink, path::Path};

use netsplit::lab::{Host, Lab, LabError, Layout, Options};

use crate::name::{Name, poll_until};

/// Debian 12's. Its list says `running` of a replica that streams, and its primary is a `master`.
const OLD: &str = "3.0.2";

#[test]
fn an_old_patroni_comes_up_healthy_and_switches_over() {
    let name = Name::new("old");
    let lab = name.up(&Options { patroni: OLD.to_owned(), ..name.fast() });
    let status = lab.status().unwrap();
    assert!(status.healthy && status.patroni == OLD, "{status:?}");
    let table = String::from_utf8(name.netsplit("status").output().unwrap().stdout).unwrap();
    assert!(table.contains("Patroni 3.0.2"), "{table}");

    let said = String::from_utf8(name.exec("mon", &["patronictl", "version"]).stdout).unwrap();
    assert_eq!(said, "patronictl version 3.0.2\n");
    let configuration = String::from_utf8(name.exec("mon", &["patronictl", "show-config"]).stdout).unwrap();
    assert!(
        configuration.contains("loop_wait: 1\n") && !configuration.contains("retry_interval"),
        "{configuration}"
    );

    let leader = status.leader.unwrap();
    let next = Host::POSTGRES.map(Host::name).into_iter().find(|node| *node != leader).unwrap();
    let switch = ["patronictl", "switchover", "--leader", &leader, "--candidate", next, "--force"];
    let switched = name.exec("mon", &switch);
    assert!(String::from_utf8_lossy(&switched.stdout).contains("Successfully switched over"), "{switched:?}");
    poll_until("the new leader is followed", || {
        let status = lab.status().unwrap();
        status.healthy && status.leader.as_deref() == Some(next)
    });

    // Maintenance mode is seen and ended as with a new one.
    assert!(name.exec("mon", &["patronictl", "pause", "--wait"]).status.success());
    assert!(lab.status().unwrap().paused);
    let healed = lab.heal(std::time::Duration::from_mins(1), &|| false).unwrap();
    assert_eq!(healed.mended, ["ended maintenance mode"]);
    assert_eq!(lab.options().patroni, OLD);
}

#[test]
fn an_environment_that_holds_another_version_is_refused() {
    let name = Name::new("other");
    // As if somebody had upgraded what is in it.
    let folder = Path::new(Layout::PATRONIS).join(name.0.as_str());
    symlink(Path::new(Layout::PATRONIS).join(OLD), &folder).unwrap();
    let made = Lab::up(&Options { patroni: name.0.to_string(), ..name.fast() }, &mut |_| {
        std::ops::ControlFlow::Continue(())
    });
    fs::remove_file(&folder).unwrap();
    let error = made.unwrap_err();
    assert!(matches!(&error, LabError::OtherPatroni { is, .. } if is == OLD), "{error}");
    assert!(error.help().unwrap().contains("cargo xtask setup --patroni"), "{error}");
    name.assert_gone();
}
