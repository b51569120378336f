//! Waiting for packets that are being judged.

use std::{fs, thread, time::Duration};

use rustix::thread::{CpuSet, MembarrierCommand, membarrier, sched_getaffinity, sched_setaffinity};

/// Longer than any program runs, by far.
const WITHOUT_BARRIER: Duration = Duration::from_millis(20);

/// Returns when every program that is running at this moment has ended: what it may read can be rewritten then.
///
/// A program holds its processor from its first instruction to its last, since bottom halves are off meanwhile and a
/// thread cannot run there. So whoever has been on every processor has waited for all of them, in some tens of
/// microseconds where processors are idle. The global memory barrier, which waits for every RCU read section
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
    let visited = all.iter().try_for_each(|&processor| {
        let mut only = CpuSet::new();
        only.set(processor);
        // Returns on that processor.
        sched_setaffinity(None, &only)
    });
    let back = sched_setaffinity(None, &home);
    visited.and(back).ok()
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
    fs::read_to_string("/sys/kernel/realtime").is_ok_and(|text| text.trim() == "1")
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
    }
}
