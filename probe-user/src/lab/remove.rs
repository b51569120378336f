//! Taking a lab down: cuts, processes, namespaces, state. What is gone already is not missed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{Host, LabError, Layout, network, process};
use crate::cut::revert_targets;

/// Removes every trace of a lab but the logs of a failed `up`; says whether there was any.
pub(super) fn remove(layout: &Layout) -> Result<bool, LabError> {
    let targets = layout.targets();
    let there = layout.root().exists() || targets.iter().any(|target| target.namespace_path().exists());

    // First, while the namespaces can still be entered. A cut that resists must not save the rest.
    let cuts = revert_targets(&targets);
    stop_postgres(layout);
    process::kill_all(&targets)?;
    for host in Host::POSTGRES {
        release_shared_memory(&layout.data_dir(host).join("postmaster.pid"));
    }
    network::remove(layout)?;
    match fs::remove_dir_all(layout.root()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(LabError::File { what: "remove", path: layout.root(), source: error });
        }
        _ => {}
    }
    cuts?;
    Ok(there)
}

/// Copies the logs and configurations of a lab that failed to where they survive it.
pub(super) fn keep_logs(layout: &Layout) {
    for host in Host::ALL {
        for entry in fs::read_dir(layout.home(host)).into_iter().flatten().flatten() {
            let from = entry.path();
            let worth = from.extension().is_some_and(|e| e == "log" || e == "yml" || e == "cfg");
            if worth && let Err(error) = keep(&from, &kept(layout, &from)) {
                tracing::warn!(file = %from.display(), %error, "a log of the failed lab is lost");
            }
        }
    }
}

fn keep(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).map(drop)
}

/// Where [`keep_logs`] puts a log.
pub(super) fn kept(layout: &Layout, log: &Path) -> PathBuf {
    layout.failed().join(log.strip_prefix(layout.root()).unwrap_or(log))
}

/// Lets PostgreSQL give its shared memory back, which SIGKILL would leave behind.
///
/// Patroni first, or it would start PostgreSQL again; then SIGQUIT, PostgreSQL's immediate shutdown
/// (<https://www.postgresql.org/docs/15/server-shutdown.html>).
fn stop_postgres(layout: &Layout) {
    let mut waiting = Vec::new();
    for host in Host::POSTGRES {
        let target = layout.target(host);
        let send = |pid, signal| process::signal(pid, std::slice::from_ref(&target), signal).unwrap_or(false);
        if let Some(patroni) = process::pid_of(&layout.pid_file(host, "patroni"), &target) {
            send(patroni, Signal::KILL);
        }
        if let Some(postmaster) = process::pid_of(&layout.data_dir(host).join("postmaster.pid"), &target) {
            send(postmaster, Signal::QUIT);
            // A scenario may have stopped it.
            send(postmaster, Signal::CONT);
            waiting.push((postmaster, target));
        }
    }
    let deadline = Instant::now() + Duration::from_secs(3);
    while waiting.iter().any(|(pid, target)| process::is_in(*pid, target)) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
}

/// Removes the System V segment of a PostgreSQL that was killed, if nobody uses it any more.
///
/// Line 7 of `postmaster.pid` has its key and id; `/proc/sysvipc/shm` has key, id and users.
fn release_shared_memory(postmaster_pid: &Path) {
    let Ok(text) = fs::read_to_string(postmaster_pid) else { return };
    let Some(segment) = text.lines().nth(6).and_then(two_numbers) else { return };
    let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    if !is_orphan(&segments, segment) {
        return;
    }
    let (_, id) = segment;
    if let Err(error) = Command::new("ipcrm").args(["--shmem-id", &id.to_string()]).output() {
        tracing::warn!(id, %error, "a shared memory segment of the lab's PostgreSQL stays behind");
    }
}

fn is_orphan(segments: &str, segment: (i64, i64)) -> bool {
    segments.lines().skip(1).any(|line| {
        let users = line.split_whitespace().nth(6);
        two_numbers(line) == Some(segment) && users == Some("0")
    })
}

fn two_numbers(line: &str) -> Option<(i64, i64)> {
    let mut words = line.split_whitespace().map(str::parse);
    Some((words.next()?.ok()?, words.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unused_segment_with_the_same_key_and_id_is_removed() {
        let segments = "\
       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid
   4719204          3   600                    56  9173  9270      0   101   104   101   104
   4719205          4   600                    56  9173  9270      6   101   104   101   104
";
        assert!(is_orphan(segments, (4_719_204, 3)));
        assert!(!is_orphan(segments, (4_719_205, 4)), "in use");
        assert!(!is_orphan(segments, (4_719_204, 9)), "another segment");
        assert!(!is_orphan(segments, (1, 3)), "somebody else's key");
    }
}
