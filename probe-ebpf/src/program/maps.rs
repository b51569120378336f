//! The maps that user space and the programs share. [`probe_ebpf::abi`] says what stands in them.

use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    macros::map,
    maps::{Array, HashMap, LpmTrie, PerCpuArray, RingBuf},
};
use probe_ebpf::{
    abi::{
        Control, Counter, InterfaceKey, JournalPage, MAX_BOUND_INTERFACES, MAX_COUNTERS, MAX_JOURNAL_PAGES,
        MAX_PEERS, OBSERVATIONS, PeerKey, RuleMask, Ruleset,
    },
    decode::Packet,
};

#[map]
pub(super) static CONTROL: Array<Control> = Array::with_max_entries(1, 0);

/// One element for each bank.
#[map]
pub(super) static RULESETS: Array<Ruleset> = Array::with_max_entries(2, 0);

/// For each prefix, the peer-bound rules that it or any wider prefix names.
#[map]
pub(super) static PEERS: LpmTrie<PeerKey, RuleMask> = LpmTrie::with_max_entries(MAX_PEERS, 0);

/// For each interface, the interface-bound rules that name it.
#[map]
pub(super) static INTERFACES: HashMap<InterfaceKey, RuleMask> =
    HashMap::with_max_entries(MAX_BOUND_INTERFACES, BPF_F_NO_PREALLOC);

#[map]
pub(super) static COUNTERS: PerCpuArray<Counter> = PerCpuArray::with_max_entries(MAX_COUNTERS, 0);

#[map]
pub(super) static OBSERVED: PerCpuArray<u64> = PerCpuArray::with_max_entries(OBSERVATIONS, 0);

#[map]
pub(super) static HITS: RingBuf = RingBuf::with_byte_size(1 << 20, 0);

/// The list of cuts as text. No program reads it: it lives here to be exactly as durable as the rules.
#[map]
static JOURNAL: HashMap<u32, JournalPage> = HashMap::with_max_entries(MAX_JOURNAL_PAGES, BPF_F_NO_PREALLOC);

/// A packet's facts, once a rule may concern it.
#[derive(Clone, Copy)]
pub(super) struct Parked {
    pub(super) packet: Packet,
    pub(super) candidates: RuleMask,
    pub(super) source: [u8; 16],
    pub(super) destination: [u8; 16],
}

/// Where they are parked, which also spares the stack.
///
/// The verifier follows every path through the decoder separately, with all that it knows of each number.
/// What is read back from a map it knows nothing of: all paths become one, and the rest of the program is
/// verified once. A packet is judged without interruption on its processor, so one place is enough.
#[map]
pub(super) static PARKED: PerCpuArray<Parked> = PerCpuArray::with_max_entries(1, 0);
