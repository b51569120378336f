//! Gray failures: which of the packets that a rule's ports, peers and flows match it really hits.
//!
//! A file a kind. Each has the parameters as the kernel reads them (a part of [`Sieve`], which is all zero for
//! a rule that hits everything), and the question whether a packet is hit. What needs a memory (how far a flow
//! has come, how often the dice were thrown) asks for it through [`Memory`], so that host tests bring their
//! own.

mod chance;
mod flags;
mod flap;
mod length;
mod pace;
mod position;

pub use chance::{Chance, mix};
pub use flags::FlagPattern;
pub use flap::Flap;
pub use length::Length;
pub use pace::Pace;
pub use position::{Position, Progress};

/// How a rule is narrowed. The parts that are all zero narrow nothing.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sieve {
    /// When the rule came into force, on the boot clock, in nanoseconds.
    pub since_ns: u64,
    /// On and off by the clock.
    pub flap: Flap,
    /// From a packet or byte of the flow on.
    pub position: Position,
    /// What exceeds a rate.
    pub pace: Pace,
    /// By chance.
    pub chance: Chance,
    /// Long packets.
    pub length: Length,
    /// By TCP's control bits.
    pub flags: FlagPattern,
    /// Always zero.
    pub reserved: u16,
}

impl Sieve {
    /// Hits everything.
    pub const OPEN: Self = Self {
        since_ns: 0,
        flap: Flap { period_ns: 0, on_ns: 0 },
        position: Position { packet: 0, byte: 0 },
        pace: Pace { ps_per_byte: 0, burst_ns: 0 },
        chance: Chance { seed: 0, of_2_32: 0 },
        length: Length { longer_than: 0 },
        flags: FlagPattern { mask: 0, value: 0 },
        reserved: 0,
    };
}

/// What a sieve wants to know of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The IP packet's bytes; of an `skb` that stands for several segments, those of the longest.
    pub segment_bytes: u32,
    /// All IP bytes that the `skb` stands for.
    pub bytes: u32,
    /// TCP's control bits.
    pub tcp_flags: u8,
    /// The boot clock in nanoseconds.
    pub now_ns: u64,
}

/// What a rule remembers between packets.
pub trait Memory {
    /// Counts the packet in its flow, and says how far the flow has come with it.
    fn advance(&self, bytes: u32) -> Progress;
    /// How often this was asked before.
    fn throws(&self) -> u64;
    /// Whether the packet keeps within the rate, which it then uses up.
    fn keeps_pace(&self, pace: &Pace, bytes: u32, now_ns: u64) -> bool;
}

/// Whether the rule hits the packet. Chance comes last: the dice are thrown for what all else lets through.
#[inline(always)]
pub fn hits(sieve: &Sieve, sample: &Sample, memory: &impl Memory) -> bool {
    sieve.length.hits(sample.segment_bytes)
        && sieve.flags.hits(sample.tcp_flags)
        && sieve.flap.hits(sample.now_ns.wrapping_sub(sieve.since_ns))
        && (sieve.position.is_open() || sieve.position.hits(memory.advance(sample.bytes)))
        && (sieve.pace.is_open() || !memory.keeps_pace(&sieve.pace, sample.bytes, sample.now_ns))
        && (sieve.chance.is_open() || sieve.chance.hits(memory.throws()))
}
