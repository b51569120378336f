//! The boot clock, read as seldom as a lease allows.

use aya_ebpf::{
    helpers::generated::{bpf_jiffies64, bpf_ktime_get_boot_ns},
    macros::map,
    maps::PerCpuArray,
};

/// When this processor last looked at the clock.
#[derive(Clone, Copy)]
struct Look {
    jiffies: u64,
    boot_ns: u64,
}

#[map]
static CLOCK: PerCpuArray<Look> = PerCpuArray::with_max_entries(1, 0);

/// The boot clock in nanoseconds.
#[inline(always)]
pub(super) fn now_ns() -> u64 {
    // SAFETY: a helper call without arguments.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// The boot clock as it was within the current tick of the kernel's timer, in nanoseconds: at most 10 ms behind.
///
/// Reading the clock is a good part of what a dropped packet costs. The count of ticks is a load, and a tick that has
/// not ended needs no second look. After a suspension the ticks go on at once, and the clock is looked at anew.
#[inline(always)]
pub(super) fn this_tick_ns() -> u64 {
    // SAFETY: a helper call without arguments.
    let jiffies = unsafe { bpf_jiffies64() };
    let Some(look) = CLOCK.get_ptr_mut(0) else { return now_ns() };
    // SAFETY: the map's element of this processor, which nobody else uses meanwhile.
    let look = unsafe { &mut *look };
    if look.jiffies != jiffies {
        *look = Look { jiffies, boot_ns: now_ns() };
    }
    look.boot_ns
}
