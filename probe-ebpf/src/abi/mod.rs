//! The types that user space and the kernel share, and their layout.
//!
//! A namespace holds one datapath, and the datapath two banks. [`Control::bank`] says which bank packets
//! see; a new ruleset is written into the other one and becomes true by storing that single word.

mod delay;
mod mask;
mod ruleset;

use core::mem::size_of;

pub use delay::{Lane, LaneKey, MAX_LANES, Origin, Return};
pub use mask::RuleMask;
pub use ruleset::{Entry, MAX_DEADLINES, NEVER_NS, Ruleset, SITUATIONS, situation};

pub use crate::narrow::{Chance, FlagPattern, Flap, Length, Pace, Position, Progress, Sieve};

/// Changes whenever a type, a map or the meaning of a field here changes: user space refuses a datapath of
/// another version.
pub const ABI_VERSION: u32 = 4;

/// How many rules one namespace can hold, over all its cuts.
pub const MAX_RULES: usize = 256;

/// How many narrowed rules one namespace can hold, a rule in both directions being two: the programs look at no
/// more than these one by one.
pub const MAX_NARROWED: usize = 32;

/// How many flows the narrowed rules of a namespace can follow at the same time; the least recently seen is
/// forgotten first.
pub const MAX_FLOWS: u32 = 1 << 16;

/// How many rules can be counted: each has a place of its own, in both directions the same.
pub const MAX_COUNTERS: u32 = 256;

/// How many different sets of rules the ports of one namespace can fall into. Each port range adds at most
/// two boundaries, and so at most two classes.
pub const MAX_CLASSES: usize = 1024;

/// How many peer prefixes both banks can hold together.
pub const MAX_PEERS: u32 = 1 << 18;

/// How many interfaces rules can be bound to, both banks together.
pub const MAX_BOUND_INTERFACES: u32 = 1024;

/// The bytes of one page of the journal: the list of cuts, which user space keeps in a map so that it lives
/// and changes together with the ruleset.
pub const JOURNAL_PAGE_BYTES: usize = 4096;

/// How many journal pages both banks can hold together.
pub const MAX_JOURNAL_PAGES: u32 = 8192;

/// `lo` is the first interface of every network namespace (Linux `LOOPBACK_IFINDEX`).
pub const LOOPBACK_IFINDEX: u32 = 1;

/// The `skb->mark` of replies that the TC programs send, so that no rule judges them again.
pub const REPLY_MARK: u32 = 0x6e73_706c;

/// Which way a packet goes at the hook.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Arriving at the node.
    Ingress = 0,
    /// Leaving the node.
    Egress = 1,
}

/// What a packet carries, as far as rules distinguish it.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// A TCP segment with SYN and without ACK.
    TcpNew = 0,
    /// Any other TCP segment.
    TcpEstablished = 1,
    /// A later fragment of a TCP segment: its flags are not to be seen.
    TcpFragment = 2,
    /// UDP.
    Udp = 3,
    /// Any other protocol.
    Other = 4,
}

/// What happens to a packet that a rule matches.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It vanishes.
    Drop = 0,
    /// Its sender gets port unreachable.
    Reject = 1,
    /// Its sender gets a RST.
    Reset = 2,
    /// It goes on, and a copy of it, too.
    Duplicate = 3,
    /// It goes on with a bit of its data changed, and a checksum that is right.
    Corrupt = 4,
    /// It goes on later.
    Delay = 5,
}

/// How many actions there can be: the size of the arrays of programs that carry them out.
pub const MAX_ACTIONS: u32 = 16;

/// The place, in the same arrays, of the program that looks at narrowed rules.
pub const NARROWED: u32 = MAX_ACTIONS - 1;

impl Action {
    /// The action with this number.
    #[inline(always)]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Drop),
            1 => Some(Self::Reject),
            2 => Some(Self::Reset),
            3 => Some(Self::Duplicate),
            4 => Some(Self::Corrupt),
            5 => Some(Self::Delay),
            _ => None,
        }
    }
}

/// Which program enforces a rule.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// The XDP program, on packets that arrive.
    Xdp = 0,
    /// The TC programs.
    Tc = 1,
}

/// The one element of `CONTROL`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// [`ABI_VERSION`] of whoever loaded the datapath.
    pub version: u32,
    /// The bank that packets see: 0 or 1.
    pub bank: u32,
    /// Not zero while somebody reads `HITS`.
    pub recording: u32,
    /// Always zero.
    pub reserved: u32,
}

/// A rule's counters on one processor.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// Packets hit, as the hook sees them: one for each `skb`, which can stand for several segments.
    pub packets: u64,
    /// Their bytes from the link layer on.
    pub bytes: u64,
    /// The first hit on the boot clock, in nanoseconds; 0 for none.
    pub first_ns: u64,
    /// The last hit on the boot clock, in nanoseconds; 0 for none.
    pub last_ns: u64,
}

/// What a narrowed rule remembers, by its counter.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleState {
    /// How often the dice were thrown.
    pub throws: u64,
    /// When the next byte is due at the rule's rate, on the boot clock, in nanoseconds.
    pub due_ns: u64,
}

/// The key of `FLOWS`: a flow as one rule sees it. Own and peer are seen from the node, so both directions of
/// a connection are one flow.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    /// When the rule came into force, so that what an earlier rule remembered under the same counter is not
    /// taken for this one's.
    pub since_ns: u64,
    /// The node's address; IPv4 mapped into IPv6.
    pub own: [u8; 16],
    /// The peer's, likewise.
    pub peer: [u8; 16],
    /// The rule's place in `COUNTERS`.
    pub counter: u32,
    /// The node's port.
    pub own_port: u16,
    /// The peer's port.
    pub peer_port: u16,
    /// The IP protocol number.
    pub protocol: u32,
    /// Always zero.
    pub reserved: u32,
}

/// One hit, as the ring buffer `HITS` carries it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// When, on the boot clock, in nanoseconds.
    pub boot_ns: u64,
    /// The source address; IPv4 mapped into IPv6 (RFC 4291 2.5.5.2).
    pub source: [u8; 16],
    /// The destination address, likewise.
    pub destination: [u8; 16],
    /// The source port; 0 where there is none.
    pub source_port: u16,
    /// The destination port; 0 where there is none.
    pub destination_port: u16,
    /// The rule's place in `COUNTERS`.
    pub counter: u32,
    /// The packet's bytes from the link layer on.
    pub bytes: u32,
    /// The IP protocol number.
    pub protocol: u8,
    /// TCP's flags; 0 for other protocols.
    pub tcp_flags: u8,
    /// An [`Action`] as a number.
    pub action: u8,
    /// A [`Way`] as a number.
    pub way: u8,
}

/// The key of `PEERS`: the bank, then the address with IPv4 mapped into IPv6.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerKey {
    /// 0 or 1.
    pub bank: u32,
    /// In network order.
    pub address: [u8; 16],
}

/// The bits of [`PeerKey`] before the address.
pub const PEER_KEY_BANK_BITS: u32 = 32;

/// The key of `INTERFACES`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceKey {
    /// 0 or 1.
    pub bank: u32,
    /// The interface's index.
    pub ifindex: u32,
}

/// A page of the journal; its key is the bank times 65536 plus the page's number. The first one that is not full is the
/// last one.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct JournalPage {
    /// How many of `bytes` are used.
    pub used: u32,
    /// Always zero.
    pub reserved: u32,
    /// Text.
    pub bytes: [u8; JOURNAL_PAGE_BYTES],
}

/// What the datapath counts besides rules: an index into `OBSERVATIONS`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation {
    /// IP packets that could not be parsed, and passed.
    Unparsed = 0,
    /// Later fragments that passed: they show no ports for a rule to match.
    FragmentPassed = 1,
    /// Packets dropped in silence because no answer was due or none could be built.
    Unanswered = 2,
    /// Hits that found the ring buffer full: counted, but not told.
    HitUntold = 3,
    /// Packets that were to be delayed and passed at once: nobody was there to hold them.
    Unheld = 4,
}

/// How many [`Observation`]s there are.
pub const OBSERVATIONS: u32 = 5;

const _: () = {
    assert!(size_of::<RuleMask>() == 32);
    assert!(size_of::<Control>() == 16);
    assert!(size_of::<Counter>() == 32);
    assert!(size_of::<Hit>() == 56);
    assert!(size_of::<PeerKey>() == 20);
    assert!(size_of::<InterfaceKey>() == 8);
    assert!(size_of::<Sieve>() == 80);
    assert!(size_of::<RuleState>() == 16);
    assert!(size_of::<FlowKey>() == 56);
    assert!(size_of::<Progress>() == 16);
    assert!(size_of::<JournalPage>() == JOURNAL_PAGE_BYTES + 8);
};

#[cfg(feature = "user")]
mod pod {
    use super::{
        Control, Counter, Entry, FlowKey, Hit, InterfaceKey, JournalPage, Lane, LaneKey, Origin, PeerKey,
        Progress, RuleMask, RuleState, Ruleset,
    };

    // SAFETY: `repr(C)`, made of integers alone, and without padding, as the size assertions above prove.
    unsafe impl aya::Pod for RuleMask {}
    // SAFETY: as for `RuleMask`.
    unsafe impl aya::Pod for Entry {}
    // SAFETY: as for `RuleMask`.
    unsafe impl aya::Pod for Ruleset {}
    // SAFETY: as for `RuleMask`.
    unsafe impl aya::Pod for Control {}
    // SAFETY: as for `RuleMask`.
    unsafe impl aya::Pod for Counter {}
    // SAFETY: as for `RuleMask`.
    unsafe impl aya::Pod for Hit {}
    // SAFETY: as for `RuleMask`.
    unsafe impl aya::Pod for PeerKey {}
    // SAFETY: as for `RuleMask`.
    unsafe impl aya::Pod for InterfaceKey {}
    // SAFETY: as for `RuleMask`.
    unsafe impl aya::Pod for JournalPage {}
    // SAFETY: as for `RuleMask`.
    unsafe impl aya::Pod for RuleState {}
    // SAFETY: as for `RuleMask`.
    unsafe impl aya::Pod for FlowKey {}
    // SAFETY: as for `RuleMask`.
    unsafe impl aya::Pod for Progress {}
    // SAFETY: as for `RuleMask`.
    unsafe impl aya::Pod for LaneKey {}
    // SAFETY: as for `RuleMask`.
    unsafe impl aya::Pod for Lane {}
    // SAFETY: as for `RuleMask`.
    unsafe impl aya::Pod for Origin {}
}
