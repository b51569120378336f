//! A packet that arrives with one bit of its data changed.

use aya_ebpf::helpers::generated::{bpf_get_prandom_u32, bpf_l4_csum_replace};
use probe_ebpf::{
    bytes::Bytes,
    corrupt::{flipped, place},
    decode::protocol,
};

use super::super::{
    frame::{Frame, SocketBuffer},
    parked::PARKED,
};

/// `BPF_F_MARK_MANGLED_0` of `linux/bpf.h`: a UDP checksum of 0 stays what it says, "none".
const MARK_MANGLED_0: u64 = 1 << 5;
/// The size of what changes, in the low bits of the helper's flags.
const TWO_BYTES: u64 = 2;

/// Changes one bit of the data and makes TCP's or UDP's checksum right for it, so that the receiver's stack takes the
/// packet for good. A change that a checksum catches is a loss: for that there is `drop`.
#[inline(always)]
pub(crate) fn corrupt(frame: &SocketBuffer) -> Option<()> {
    let parked = PARKED.get(0)?;
    let packet = &parked.packet;
    // SAFETY: a helper call without arguments.
    let random = unsafe { bpf_get_prandom_u32() };
    let at = place(packet, frame.length(), random)?;
    // What TCP sends lies in pages beside the header, out of direct reach.
    let mut before = [0; 2];
    frame.load(at, &mut before, 2)?;
    let after = flipped(before, random);
    let checksum = packet.transport + if packet.protocol == protocol::TCP { 16 } else { 6 };
    let flags = if packet.protocol == protocol::TCP { TWO_BYTES } else { TWO_BYTES | MARK_MANGLED_0 };
    // SAFETY: the helper checks the offset; packet pointers are derived anew after this.
    let replaced = unsafe {
        bpf_l4_csum_replace(
            frame.raw(),
            checksum as u32,
            u64::from(u16::from_ne_bytes(before)),
            u64::from(u16::from_ne_bytes(after)),
            flags,
        )
    };
    if replaced != 0 {
        return None;
    }
    frame.store(at, &after)
}
