//! What is known of a packet, kept aside once a rule may concern it: also for the program that carries the
//! action out.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use probe_ebpf::{
    abi::{RuleMask, Ruleset, Way},
    decode::Packet,
    narrow::Sample,
};

use super::{frame::Frame, maps::RULESETS};

/// A packet's facts.
#[derive(Clone, Copy)]
pub(super) struct Parked {
    pub(super) packet: Packet,
    pub(super) candidates: RuleMask,
    pub(super) source: [u8; 16],
    pub(super) destination: [u8; 16],
    pub(super) way: Way,
    /// The bank that the packet was looked at by. Whoever goes on with it stays with that one: between two programs, and
    /// between two looks at `CONTROL`, another ruleset may come into force.
    pub(super) bank: u32,
    /// All IP bytes that the frame stands for.
    pub(super) bytes: u32,
    /// Those of the longest segment.
    pub(super) segment_bytes: u32,
    /// The counter of the rule that decided, for the program that carries its action out.
    pub(super) counter: u32,
}

/// Where they are parked, which also spares the stack.
///
/// The verifier follows every path through the decoder separately, with all that it knows of each number.
/// What is read back from a map it knows nothing of: all paths become one, and the rest of the program is
/// verified once. A packet is judged without interruption on its processor, so one place is enough.
#[map]
pub(super) static PARKED: PerCpuArray<Parked> = PerCpuArray::with_max_entries(1, 0);

/// Parks a packet.
#[inline(always)]
pub(super) fn park<F: Frame>(
    frame: &F,
    packet: Packet,
    candidates: RuleMask,
    way: Way,
    bank: u32,
) -> Option<()> {
    let place = PARKED.get_ptr_mut(0)?;
    let (source, destination) = (packet.source(frame)?, packet.destination(frame)?);
    let bytes = (packet.end - packet.network) as u32;
    let segment_bytes = match frame.segment_data() {
        0 => bytes,
        data => (packet.data - packet.network) as u32 + data,
    };
    let parked =
        Parked { packet, candidates, source, destination, way, bank, bytes, segment_bytes, counter: 0 };
    // SAFETY: the map's element of this processor, which nobody else uses meanwhile.
    unsafe { place.write(parked) };
    Some(())
}

/// Parks the counter of the rule that decided, too.
#[inline(always)]
pub(super) fn park_counter(counter: u32) {
    if let Some(place) = PARKED.get_ptr_mut(0) {
        // SAFETY: as in `park`.
        unsafe { (*place).counter = counter }
    }
}

impl Parked {
    /// The ruleset that judges it.
    #[inline(always)]
    pub(super) fn ruleset(&self) -> Option<&'static Ruleset> {
        RULESETS.get(self.bank & 1)
    }

    /// The node's address, and the peer's.
    #[inline(always)]
    pub(super) const fn ends(&self) -> (&[u8; 16], &[u8; 16]) {
        match self.way {
            Way::Ingress => (&self.destination, &self.source),
            Way::Egress => (&self.source, &self.destination),
        }
    }

    /// The peer's address.
    #[inline(always)]
    pub(super) const fn peer(&self) -> &[u8; 16] {
        self.ends().1
    }

    /// The node's port, and the peer's.
    #[inline(always)]
    pub(super) const fn ports(&self) -> (u16, u16) {
        match self.way {
            Way::Ingress => (self.packet.destination_port, self.packet.source_port),
            Way::Egress => (self.packet.source_port, self.packet.destination_port),
        }
    }

    /// What a sieve wants to know.
    #[inline(always)]
    pub(super) const fn sample(&self, now_ns: u64) -> Sample {
        Sample {
            segment_bytes: self.segment_bytes,
            bytes: self.bytes,
            tcp_flags: self.packet.tcp_flags,
            now_ns,
        }
    }
}
