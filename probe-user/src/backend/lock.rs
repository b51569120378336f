//! Waiting for others' turn to end, with patience that has an end: whoever was stopped keeps its lock.

use std::{
    fs::{self, File},
    io,
    os::fd::AsFd,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// How long a controller waits for others, each of which needs a second or two.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// How long whoever ends everything waits for others.
pub(super) const SHORT_PATIENCE: Duration = Duration::from_secs(3);

/// Waits for the lock in the kernel's queue, where nobody is overtaken: whoever only asks again and again may never
/// get it.
pub(super) fn lock_within(file: File, patience: Duration) -> io::Result<Option<File>> {
    match flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => return Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => {}
        Err(errno) => return Err(errno.into()),
    }
    let (sender, receiver) = mpsc::channel();
    // Where the patience has an end, it waits on; what it gets then is given back at once.
    thread::spawn(move || {
        let locked = flock(file.as_fd(), FlockOperation::LockExclusive);
        let _ = sender.send(locked.map(|()| file));
    });
    match receiver.recv_timeout(patience) {
        Ok(locked) => Ok(Some(locked?)),
        Err(_) => Ok(None),
    }
}

/// Another controller holds a lock, and does not let go.
#[derive(Debug, thiserror::Error)]
#[error(
    "another netsplit has been changing {what} for {} s{}; it may be stopped: let it go on or end it, or end every cut \
     with `netsplit revert --all`, which does not wait for it",
    .waited.as_secs(), .holder.map_or(String::new(), |pid| format!(" (process {pid})"))
)]
pub struct Busy {
    /// What it changes.
    what: &'static str,
    /// How long it was waited for.
    waited: Duration,
    /// Its process, where `/proc/locks` tells.
    pub(super) holder: Option<u32>,
}

impl Busy {
    /// Whoever holds the lock on this inode, which was waited for since `begun`.
    pub(super) fn with(what: &'static str, begun: Instant, inode: u64) -> Self {
        Self { what, waited: begun.elapsed(), holder: holder(inode) }
    }
}

/// Who holds a lock on the inode, as `/proc/locks` tells: `1: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE 0 EOF`.
fn holder(inode: u64) -> Option<u32> {
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let line = locks.lines().find(|line| line.contains(" FLOCK ") && line.contains(&format!(":{inode} ")))?;
    line.split_whitespace().nth(4)?.parse().ok()
}
