//! The maps that user space and the programs share. [`probe_ebpf::abi`] says what stands in them.

use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    macros::map,
    maps::{Array, HashMap, LpmTrie, LruHashMap, PerCpuArray, ProgramArray, RingBuf},
};
use probe_ebpf::abi::{
    Control, Counter, FlowKey, InterfaceKey, JournalPage, Lane, LaneKey, MAX_ACTIONS, MAX_BOUND_INTERFACES,
    MAX_COUNTERS, MAX_FLOWS, MAX_JOURNAL_PAGES, MAX_LANES, MAX_PEERS, OBSERVATIONS, Origin, PeerKey,
    Progress, Return, RuleMask, RuleState, Ruleset,
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

/// The flows that rules with a [`Position`](probe_ebpf::abi::Position) have met.
#[map]
pub(super) static FLOWS: LruHashMap<FlowKey, Progress> = LruHashMap::with_max_entries(MAX_FLOWS, 0);

/// What narrowed rules remember, by their counters.
#[map]
pub(super) static STATES: Array<RuleState> = Array::with_max_entries(MAX_COUNTERS, 0);

/// The programs that carry an action out at the XDP hook, by the action's number. Only those are there that a rule
/// has asked for.
#[map]
pub(super) static XDP_ACTIONS: ProgramArray = ProgramArray::with_max_entries(MAX_ACTIONS, 0);

/// The same for TC.
#[map]
pub(super) static TC_ACTIONS: ProgramArray = ProgramArray::with_max_entries(MAX_ACTIONS, 0);

/// Whom delayed packets are handed to.
#[map]
pub(super) static LANES: HashMap<LaneKey, Lane> = HashMap::with_max_entries(MAX_LANES, BPF_F_NO_PREALLOC);

/// Where they go on when they come back.
#[map]
pub(super) static ORIGINS: HashMap<Return, Origin> = HashMap::with_max_entries(MAX_LANES, BPF_F_NO_PREALLOC);

/// Until when, on the boot clock in nanoseconds, somebody surely holds the packets of a rule, by its counter. Whoever
/// holds them says so again and again, so that packets pass where nobody does any more.
#[map]
pub(super) static HELD_UNTIL: Array<u64> = Array::with_max_entries(MAX_COUNTERS, 0);
