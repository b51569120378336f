//! Waiting for packets that are being judged.

use std::{fs, io, sync::LazyLock, thread, time::Duration};

use rustix::thread::{CpuSet, MembarrierCommand, membarrier, sched_getaffinity, sched_setaffinity};

/// Longer than any program runs, by far.
const WITHOUT_BARRIER: Duration = Duration::from_millis(20);

/// Returns when every program that is running at this moment has ended: what it may read can be rewritten then.
///
/// A program holds its processor from its first instruction to its last, since bottom halves are off meanwhile and a
/// thread cannot run there. So whoever has been on every processor has waited for all of them, in some tens of
/// microseconds. The global memory barrier, which waits for every RCU read section
/// (membarrier(2), `MEMBARRIER_CMD_GLOBAL`), takes ten milliseconds; it serves where this thread may not run
/// everywhere, and on real-time kernels, where bottom halves give way.
pub(super) fn wait_for_readers() {
    if !is_real_time() && visit_every_processor().is_some() {
        return;
    }
    if let Err(errno) = membarrier(MembarrierCommand::Global) {
        // Kernels with nohz_full have none. A program runs for microseconds, and nothing interrupts it for long.
        tracing::debug!(%errno, "no global memory barrier; waiting instead");
        thread::sleep(WITHOUT_BARRIER);
    }
}

/// `None` if this thread may not run on all of them.
fn visit_every_processor() -> Option<()> {
    let home = sched_getaffinity(None).ok()?;
    let all = online(&fs::read_to_string("/sys/devices/system/cpu/online").ok()?)?;
    if !all.iter().all(|&processor| home.is_set(processor)) {
        return None;
    }
    let _first = FirstInLine::stand().inspect_err(|error| {
        tracing::debug!(%error, "no real-time priority; waiting for whoever keeps a processor busy");
    });
    let visited = all.iter().try_for_each(|&processor| {
        let mut only = CpuSet::new();
        only.set(processor);
        // Returns on that processor.
        sched_setaffinity(None, &only)
    });
    let back = sched_setaffinity(None, &home);
    visited.and(back).ok()
}

/// A thread of real-time priority, which runs before all that are of ordinary one: else it would wait on a busy
/// processor until somebody's time slice ends, some milliseconds. Ends when it is dropped.
struct FirstInLine {
    policy: libc::c_int,
    parameters: libc::sched_param,
}

impl FirstInLine {
    fn stand() -> io::Result<Self> {
        let mut parameters = libc::sched_param { sched_priority: 0 };
        // SAFETY: asks about the calling thread, and the parameters are written before the call returns.
        let policy = unsafe {
            libc::sched_getparam(0, &raw mut parameters);
            libc::sched_getscheduler(0)
        };
        let before = Self { policy, parameters };
        if matches!(policy, libc::SCHED_OTHER | libc::SCHED_BATCH | libc::SCHED_IDLE) {
            set_scheduler(libc::SCHED_FIFO, libc::sched_param { sched_priority: 1 })?;
        }
        Ok(before)
    }
}

impl Drop for FirstInLine {
    fn drop(&mut self) {
        if let Err(error) = set_scheduler(self.policy, self.parameters) {
            tracing::warn!(%error, "this thread keeps a real-time priority");
        }
    }
}

fn set_scheduler(policy: libc::c_int, parameters: libc::sched_param) -> io::Result<()> {
    // SAFETY: changes the calling thread alone, and the parameters live until the call returns.
    let result = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Processors by the kernel's list, such as `0-3,8`; those that a [`CpuSet`] has no place for are too many.
fn online(text: &str) -> Option<Vec<usize>> {
    let mut all = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse().ok()?, last.parse::<usize>().ok()?);
        if last >= CpuSet::MAX_CPU {
            return None;
        }
        all.extend(first..=last);
    }
    Some(all)
}

/// Only real-time kernels have the file (`PREEMPT_RT`).
fn is_real_time() -> bool {
    static REAL_TIME: LazyLock<bool> =
        LazyLock::new(|| fs::read_to_string("/sys/kernel/realtime").is_ok_and(|text| text.trim() == "1"));
    *REAL_TIME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_of_processors() {
        assert_eq!(online("0\n"), Some(vec![0]));
        assert_eq!(online("0-2,5,7-8\n"), Some(vec![0, 1, 2, 5, 7, 8]));
        assert_eq!(online("0-9999\n"), None);
        assert_eq!(online("\n"), None);
    }

    #[test]
    fn a_visitor_comes_home() {
        let before = sched_getaffinity(None).unwrap();
        wait_for_readers();
        assert_eq!(sched_getaffinity(None).unwrap(), before);
        // SAFETY: asks about the calling thread.
        assert_eq!(unsafe { libc::sched_getscheduler(0) }, libc::SCHED_OTHER);
    }
}
