//! Labs that never came to be.

use std::{
    fs,
    ops::ControlFlow,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use netsplit::lab::{Host, Lab, LabError, Layout, Options};
use rustix::{
    mount::{MountPropagationFlags, UnmountFlags, mount_change, unmount},
    process::Signal,
    thread::{UnshareFlags, unshare_unsafe},
};

use crate::name::{Name, poll_until};

/// A virtual environment whose Patroni does not work.
struct BrokenPatroni(PathBuf);

impl BrokenPatroni {
    fn new(name: &Name, script: &str) -> Self {
        let folder = Path::new(Layout::PATRONIS).join(name.0.as_str());
        fs::create_dir_all(folder.join("bin")).unwrap();
        let program = folder.join("bin/patroni");
        fs::write(&program, script).unwrap();
        for path in [&folder, &folder.join("bin"), &program] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(folder)
    }
}

impl Drop for BrokenPatroni {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_start_that_fails_half_way_leaves_nothing_but_the_log_that_says_why() {
    let name = Name::new("dies");
    let _patroni = BrokenPatroni::new(&name, "#!/bin/sh\necho no cluster today >&2\nexit 5\n");
    let up = name.netsplit("up").args(["--patroni", name.0.as_str()]).output().unwrap();
    assert_eq!(up.status.code(), Some(3), "{up:?}");
    let said = String::from_utf8(up.stderr).unwrap();
    assert!(said.contains("patroni on pg") && said.contains("no cluster today"), "{said}");
    name.assert_gone();

    let failed = Layout::of(&name.0).failed();
    let log = fs::read_to_string(failed.join("pg1/patroni.log")).unwrap();
    assert_eq!(log, "no cluster today\n");
    assert!(Lab::remove(&name.0).unwrap());
    assert!(!failed.exists());
}

#[test]
fn a_start_that_takes_too_long_names_what_it_waited_for() {
    let name = Name::new("hangs");
    let _patroni = BrokenPatroni::new(&name, "#!/bin/sh\necho thinking\nexec sleep 600\n");
    let options = Options { patroni: name.0.to_string(), patience: Duration::from_secs(4), ..name.fast() };
    let error = Lab::up(&options, &mut |_| ControlFlow::Continue(())).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("still waiting for a leader after 4 s"), "{said}");
    assert!(said.contains("patroni on pg1") && said.contains("thinking"), "{said}");
    let LabError::Timeout { log, .. } = error else { panic!("{said}") };
    assert!(log.is_file(), "{}", log.display());
    name.assert_gone();
}

#[test]
fn what_is_not_installed_is_named_with_the_way_out() {
    let name = Name::new("none");
    let up = name.netsplit("up").args(["--patroni", "0.0.0"]).output().unwrap();
    assert_eq!(up.status.code(), Some(3));
    let said = String::from_utf8(up.stderr).unwrap();
    assert!(
        said.contains("Patroni 0.0.0 (here: ") && said.contains("cargo xtask setup --patroni 0.0.0"),
        "{said}"
    );
    name.assert_gone();
}

#[test]
fn an_interrupted_start_cleans_up() {
    let name = Name::new("int");
    let mut up = name.netsplit("up").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let patroni = Layout::of(&name.0).pid_file(Host::Pg3, "patroni");
    poll_until("Patroni is started", || patroni.exists());
    let pid = rustix::process::Pid::from_child(&up);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(up.wait().unwrap().code(), Some(130));
    name.assert_gone();
    assert!(!Layout::of(&name.0).failed().exists(), "nothing went wrong, so there is nothing to read");
}

#[test]
fn what_a_killed_start_left_is_told_apart_and_removed() {
    let name = Name::new("kill");
    let mut up = name.netsplit("up").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let layout = Layout::of(&name.0);
    poll_until("Patroni is started", || layout.pid_file(Host::Pg3, "patroni").exists());
    up.kill().unwrap();
    up.wait().unwrap();

    assert!(matches!(Lab::open(&name.0), Err(LabError::Remains(_))));
    // Half gone: somebody deleted a namespace by hand, and the daemon's files with it.
    let namespace = layout.target(Host::Mon).namespace_path();
    let mut ip = Command::new("ip");
    ip.args(["netns", "delete"]).arg(namespace.file_name().unwrap());
    assert!(ip.status().unwrap().success());
    fs::remove_dir_all(layout.home(Host::Ha)).unwrap();

    let down = name.netsplit("down").output().unwrap();
    assert_eq!(down.status.code(), Some(0), "{down:?}");
    name.assert_gone();
    assert_eq!(name.netsplit("down").status().unwrap().code(), Some(0), "down is idempotent");
}

/// Runs a test on a thread that sees the mounts of a machine on which nobody ever made a network namespace.
fn with_untouched_mounts<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let test = scope.spawn(|| {
            // SAFETY: this thread stops sharing its mounts, its working directory and its umask with others,
            // none of which relies on that.
            unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.unwrap();
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
            while unmount("/run/netns", UnmountFlags::DETACH).is_ok() {}
            test()
        });
        test.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn a_namespace_that_somebody_else_makes_hides_none_of_the_labs() {
    let (name, foreign) = (Name::new("mounts"), format!("foreign-{}", std::process::id()));
    let _patroni = BrokenPatroni::new(&name, "#!/bin/sh\nexec sleep 600\n");
    with_untouched_mounts(|| {
        let mut up = name.netsplit("up");
        let mut up = up.args(["--patroni", name.0.as_str()]).stderr(Stdio::null()).spawn().unwrap();
        let layout = Layout::of(&name.0);
        poll_until("Patroni is started", || layout.pid_file(Host::Pg3, "patroni").exists());
        up.kill().unwrap();
        up.wait().unwrap();

        let ip = |verb| Command::new("ip").args(["netns", verb, &foreign]).status().unwrap().success();
        assert!(ip("add"));
        let down = name.netsplit("down").output().unwrap();
        assert_eq!(down.status.code(), Some(0), "{down:?}");
        name.assert_gone();
        assert!(ip("delete"), "and it is none the worse");
    });
}
