//! What narrowed rules remember between packets, in maps.

use core::intrinsics::{AtomicOrdering, atomic_xadd};

use probe_ebpf::{
    abi::{FlowKey, MAX_RULES, Pace, Progress, RuleState},
    narrow::{Memory, hits},
};

use super::{
    maps::{FLOWS, STATES},
    parked::{PARKED, Parked},
};

/// Whether the narrowed rule of this rank hits the parked packet: 1 if so.
///
/// Global, and without pointers: the verifier looks at such a function once, and not in each turn of the loop around
/// it (Linux 5.6, "BPF global functions").
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn netsplit_hits(rank: u64, now_ns: u64) -> u64 {
    u64::from(hits_parked(rank as usize, now_ns).unwrap_or(false))
}

/// Whether the narrowed rule of this rank hits the parked packet.
#[inline(always)]
pub(super) fn narrowed_rule_hits(rank: usize, now_ns: u64) -> bool {
    netsplit_hits(rank as u64, now_ns) != 0
}

#[inline(always)]
fn hits_parked(rank: usize, now_ns: u64) -> Option<bool> {
    let parked = PARKED.get(0)?;
    let ruleset = parked.ruleset()?;
    let rank = rank & (MAX_RULES - 1);
    let (sieve, counter) = (&ruleset.sieves[rank], ruleset.entries[rank].counter);
    let memory = Remembered { parked, counter, since_ns: sieve.since_ns };
    Some(hits(sieve, &parked.sample(now_ns), &memory))
}

struct Remembered<'a> {
    parked: &'a Parked,
    counter: u32,
    since_ns: u64,
}

impl Remembered<'_> {
    #[inline(always)]
    fn state(&self) -> Option<*mut RuleState> {
        STATES.get_ptr_mut(self.counter)
    }
}

impl Memory for Remembered<'_> {
    #[inline(always)]
    fn advance(&self, bytes: u32) -> Progress {
        let (own, peer) = self.parked.ends();
        let (own_port, peer_port) = self.parked.ports();
        let key = FlowKey {
            since_ns: self.since_ns,
            own: *own,
            peer: *peer,
            counter: self.counter,
            own_port,
            peer_port,
            protocol: u32::from(self.parked.packet.protocol),
            reserved: 0,
        };
        if let Some(known) = FLOWS.get_ptr_mut(&key) {
            // SAFETY: the entry stays in its place while the program runs.
            return unsafe {
                Progress {
                    packets: add(&raw mut (*known).packets, 1) + 1,
                    bytes: add(&raw mut (*known).bytes, u64::from(bytes)) + u64::from(bytes),
                }
            };
        }
        let first = Progress { packets: 1, bytes: u64::from(bytes) };
        // Full, the map forgets another flow; should it refuse all the same, the flow begins anew.
        let _ = FLOWS.insert(&key, &first, 0);
        first
    }

    #[inline(always)]
    fn throws(&self) -> u64 {
        // SAFETY: an element of an array stays in its place.
        self.state().map_or(0, |state| unsafe { add(&raw mut (*state).throws, 1) })
    }

    #[inline(always)]
    fn keeps_pace(&self, pace: &Pace, bytes: u32, now_ns: u64) -> bool {
        let Some(state) = self.state() else { return true };
        // SAFETY: as in `throws`; a number of 64 bits is read and written in one piece.
        let due_ns = unsafe { (*state).due_ns };
        let Some(next_ns) = pace.next_due_ns(due_ns, bytes, now_ns) else { return false };
        // Two processors at the same moment count as one packet, rather than that either waits.
        // SAFETY: as above.
        unsafe { (*state).due_ns = next_ns }
        true
    }
}

/// Adds to a number that other processors add to as well, and gives what it was. `core::sync::atomic` has no such
/// thing for this target, though the kernel has (`BPF_FETCH`, Linux 5.12).
///
/// # Safety
///
/// `number` points into a map's element.
#[inline(always)]
unsafe fn add(number: *mut u64, what: u64) -> u64 {
    // Ordered: for a relaxed addition LLVM 22 emits the one that gives nothing back, and takes the addend for the result.
    // SAFETY: as the caller promises; map elements are aligned to 8 bytes.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::SeqCst }>(number, what) }
}
