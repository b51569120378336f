//! Turning a refused frame into its own answer.
//!
//! A BPF stack holds 512 bytes, so what builds an answer is a function of its own, never inlined.

use core::ptr;

use aya_ebpf::{helpers::generated::bpf_csum_diff, macros::map, maps::PerCpuArray};
use probe_ebpf::{
    abi::{Observation, Way},
    decode::{ETHERNET, Family, Packet},
    reply::{
        Checksum, ICMPV4_LENGTH, ICMPV6_LENGTH, RESET_V4_LENGTH, RESET_V6_LENGTH, icmp_due, quoted_length,
        reset, reset_due, reset_v4, reset_v6, unreachable_v4, unreachable_v6,
    },
};

use super::super::{
    enforce::observe,
    frame::Frame,
    parked::{PARKED, Parked},
};

/// The bytes of the two link-layer addresses.
const ADDRESSES: usize = 12;

/// Turns the parked frame into a RST to its sender.
#[inline(always)]
pub(crate) fn reset_sender<F: Frame>(frame: &F, loopback: bool) -> Option<Way> {
    answer(frame, loopback, reset_due, put_reset)
}

/// Turns the parked frame into a port unreachable to its sender.
#[inline(always)]
pub(crate) fn reject_sender<F: Frame>(frame: &F, loopback: bool) -> Option<Way> {
    answer(frame, loopback, icmp_due, put_unreachable)
}

/// Makes the answer in place, and says which way the packet went. `None`: no answer is due, or none could be made,
/// and the frame may be spoilt.
#[inline(always)]
fn answer<F: Frame>(
    frame: &F,
    loopback: bool,
    is_due: impl Fn(&Packet, &[u8; 16], &[u8; 16], bool, bool) -> bool,
    put: impl Fn(&F, &Parked) -> Option<()>,
) -> Option<Way> {
    let answered = try_answer(frame, loopback, is_due, put);
    if answered.is_none() {
        observe(Observation::Unanswered);
    }
    answered
}

#[inline(always)]
fn try_answer<F: Frame>(
    frame: &F,
    loopback: bool,
    is_due: impl Fn(&Packet, &[u8; 16], &[u8; 16], bool, bool) -> bool,
    put: impl Fn(&F, &Parked) -> Option<()>,
) -> Option<Way> {
    let parked = PARKED.get(0)?;
    let addresses = frame.read::<ADDRESSES>(0)?;
    let to_many = addresses[0] & 1 != 0;
    if !is_due(&parked.packet, &parked.source, &parked.destination, to_many, loopback) {
        return None;
    }
    put(frame, parked)?;
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5] = addresses;
    frame.store(0, &[s0, s1, s2, s3, s4, s5, d0, d1, d2, d3, d4, d5])?;
    Some(parked.way)
}

#[inline(never)]
fn put_reset<F: Frame>(frame: &F, parked: &Parked) -> Option<()> {
    let Parked { packet, source, destination, .. } = parked;
    let network = packet.network;
    let reset = reset(frame, packet)?;
    // The old TCP header stays inside the frame even behind IP options: an `skb` whose checksum is still to
    // be filled in cannot be cut before it. What is left behind the answer is link-layer padding.
    let kept = packet.transport + 20;
    match packet.family {
        Family::V4 => {
            frame.resize(kept.max(network + RESET_V4_LENGTH))?;
            frame.store(network, &reset_v4(last_four(destination), last_four(source), &reset))
        }
        Family::V6 => {
            frame.resize(kept.max(network + RESET_V6_LENGTH))?;
            frame.store(network, &reset_v6(destination, source, &reset))
        }
    }
}

#[inline(never)]
fn put_unreachable<F: Frame>(frame: &F, parked: &Parked) -> Option<()> {
    let Parked { packet, source, destination, .. } = parked;
    let network = packet.network;
    let quoted = quoted_length(packet, frame.length().checked_sub(network)?);
    let sum = sum(frame, network, quoted)?;
    let length = quoted as u16;
    frame.resize(network + quoted)?;
    match packet.family {
        Family::V4 => {
            frame.grow_front::<{ ICMPV4_LENGTH as u32 }>()?;
            move_link_header(frame, ICMPV4_LENGTH, network)?;
            frame.store(network, &unreachable_v4(last_four(destination), last_four(source), sum, length))
        }
        Family::V6 => {
            frame.grow_front::<{ ICMPV6_LENGTH as u32 }>()?;
            move_link_header(frame, ICMPV6_LENGTH, network)?;
            frame.store(network, &unreachable_v6(destination, source, sum, length))
        }
    }
}

/// Moves what stands between the link-layer addresses and the IP header from `by` to the new front.
#[inline(always)]
fn move_link_header<F: Frame>(frame: &F, by: usize, network: usize) -> Option<()> {
    let from = by + ADDRESSES;
    match network - ETHERNET {
        0 => frame.store(ADDRESSES, &frame.read::<2>(from)?),
        4 => frame.store(ADDRESSES, &frame.read::<6>(from)?),
        _ => frame.store(ADDRESSES, &frame.read::<10>(from)?),
    }
}

/// The bytes that an answer quotes, while they are summed.
#[map]
static QUOTE: PerCpuArray<[u8; QUOTE_BYTES]> = PerCpuArray::with_max_entries(1, 0);

const QUOTE_BYTES: usize = 2048;

/// What `bpf_csum_diff` sums at once, at most.
const CHUNK: usize = 512;

/// The sum of `length` bytes from `at` on, an odd last one padded with zero.
///
/// From a copy, by the kernel's own function: a loop over packet bytes takes the verifier seconds.
#[inline(always)]
fn sum<F: Frame>(frame: &F, at: usize, length: usize) -> Option<Checksum> {
    const { assert!(CHUNK * 3 >= 1280 - ICMPV6_LENGTH && QUOTE_BYTES >= CHUNK * 3) };
    let length = length & (QUOTE_BYTES - 1);
    if length == 0 || length > CHUNK * 3 {
        return None;
    }
    let quote = QUOTE.get_ptr_mut(0)?;
    // SAFETY: the map's element of this processor, which nobody else uses meanwhile.
    let quote = unsafe { &mut *quote };
    quote.fill(0);
    frame.load(at, quote, length)?;
    let mut sum = 0;
    let mut chunk = 0;
    while chunk < 3 {
        let bytes = quote[chunk * CHUNK..].as_mut_ptr();
        // SAFETY: a chunk lies inside the element; nothing is read where the size is zero.
        sum = unsafe { bpf_csum_diff(ptr::null_mut(), 0, bytes.cast(), CHUNK as u32, sum) } as u32;
        chunk += 1;
    }
    Some(Checksum::of_kernel(sum))
}

#[inline(always)]
const fn last_four(address: &[u8; 16]) -> [u8; 4] {
    [address[12], address[13], address[14], address[15]]
}
