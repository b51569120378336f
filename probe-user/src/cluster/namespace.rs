//! Doing something inside a network namespace.

use std::{
    collections::HashSet,
    fs::{self, File},
    io, iter,
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::Target;

/// Why a network namespace could not be entered.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The namespace's file is not there.
    #[error("network namespace {target} cannot be opened; `ip netns list` shows the ones that exist")]
    Open {
        /// The target asked for.
        target: Target,
        /// What the kernel said.
        source: io::Error,
    },
    /// `setns(2)` refused.
    #[error("network namespace {target} cannot be entered; netsplit needs root (CAP_SYS_ADMIN) for it")]
    Enter {
        /// The target asked for.
        target: Target,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Runs `work` inside the target's network namespace and waits for it: on a thread of its own, unless that is where the
/// caller is.
///
/// Only the network namespace changes (`setns(2)` with `CLONE_NEWNET`), and only for that thread and the
/// threads it starts: mounts stay as they are, so bpffs and `/sys` remain the caller's. Sockets and child
/// processes that `work` makes belong to the namespace.
pub fn within<T: Send>(target: &Target, work: impl FnOnce() -> T + Send) -> Result<T, NamespaceError> {
    if *target == Target::Local {
        return Ok(work());
    }
    let file = File::open(target.namespace_path())
        .map_err(|source| NamespaceError::Open { target: target.clone(), source })?;
    enter(&file, work).map_err(|source| NamespaceError::Enter { target: target.clone(), source })
}

/// As [`within`], for a namespace that a file stands for, such as `/proc/PID/ns/net` of one without a name.
pub(crate) fn within_file<T: Send>(file: &Path, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    enter(&File::open(file)?, work)
}

fn enter<T: Send>(namespace: &File, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok(work())
        });
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Which network namespace a file stands for: its device and inode (`namespaces(7)`).
pub(crate) type NamespaceId = (u64, u64);

/// The namespace that a file such as `/run/netns/NAME` stands for; `None` if it is not there.
pub(crate) fn namespace_id(file: &Path) -> Option<NamespaceId> {
    fs::metadata(file).ok().map(|file| (file.dev(), file.ino()))
}

/// The namespace of a process's main thread. A zombie has left its namespaces, so it has none.
pub(crate) fn namespace_of_process(pid: u32) -> Option<NamespaceId> {
    namespace_id(Path::new(&format!("/proc/{pid}/ns/net")))
}

/// Every process of this machine.
pub(crate) fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A file for every network namespace of this machine that can be entered: the caller's own, those with a name,
/// and those that some process lives in.
pub(crate) fn namespace_files() -> Vec<PathBuf> {
    let named = fs::read_dir("/run/netns").into_iter().flatten().flatten().map(|entry| entry.path());
    let lived_in = pids().map(|pid| PathBuf::from(format!("/proc/{pid}/ns/net")));
    let mut seen = HashSet::new();
    let own = Target::Local.namespace_path();
    let all = iter::once(own).chain(named).chain(lived_in);
    all.filter(|file| namespace_id(file).is_some_and(|id| seen.insert(id))).collect()
}
