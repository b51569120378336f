//! Processes of the lab: found by the namespace that they live in, never by name.

use std::{
    fs, io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::LabError;
use crate::cluster::{NamespaceId, Target, namespace_id, namespace_of_process, pids};

/// Every process whose main thread is in one of the namespaces, zombies left out.
///
/// A zombie has left its namespaces, so it does not show.
pub(super) fn pids_in(targets: &[Target]) -> Vec<u32> {
    let namespaces: Vec<_> = targets.iter().filter_map(namespace_of).collect();
    if namespaces.is_empty() {
        return Vec::new();
    }
    pids().filter(|pid| namespace_of_process(*pid).is_some_and(|id| namespaces.contains(&id))).collect()
}

/// The processes of a namespace that SIGSTOP has stopped (`T` in `proc_pid_stat(5)`).
pub(super) fn stopped_in(target: &Target) -> Vec<u32> {
    let mut pids = pids_in(std::slice::from_ref(target));
    pids.retain(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name before it is in parentheses, and may have some of its own.
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
    });
    pids
}

/// What a process is called: the server's name as people write it, or the kernel's.
pub(super) fn name(pid: u32) -> String {
    let kernel = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    match kernel.trim_end() {
        "patroni" => "Patroni",
        "postgres" => "PostgreSQL",
        "haproxy" => "HAProxy",
        other => other,
    }
    .to_owned()
}

/// Whether this process is in that namespace.
pub(super) fn is_in(pid: u32, target: &Target) -> bool {
    namespace_of(target).is_some_and(|namespace| namespace_of_process(pid) == Some(namespace))
}

/// Sends a signal, if the process is in one of the namespaces; says whether it was sent.
///
/// The process is held by a pidfd while its namespace is looked at: a recycled pid is never hit.
pub(super) fn signal(pid: u32, targets: &[Target], signal: Signal) -> io::Result<bool> {
    let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
    let Ok(process) = pidfd_open(raw, PidfdFlags::empty()) else { return Ok(false) };
    if !targets.iter().any(|target| is_in(pid, target)) {
        return Ok(false);
    }
    match pidfd_send_signal(&process, signal) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Kills until nothing is left in the namespaces: a daemon may fork while it is being killed.
pub(super) fn kill_all(targets: &[Target]) -> Result<(), LabError> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let pids = pids_in(targets);
        if pids.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(LabError::Unkillable(pids));
        }
        for pid in pids {
            if let Err(error) = signal(pid, targets, Signal::KILL) {
                tracing::warn!(pid, %error, "a process of the lab cannot be killed");
            }
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The process id on the first line of a file, if that process is in the namespace.
pub(super) fn pid_of(file: &Path, target: &Target) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    let pid = text.lines().next()?.trim().parse().ok()?;
    is_in(pid, target).then_some(pid)
}

fn namespace_of(target: &Target) -> Option<NamespaceId> {
    // A target of the lab is always a named namespace; this machine's own is never looked into.
    matches!(target, Target::Netns(_)).then(|| namespace_id(&target.namespace_path()))?
}
