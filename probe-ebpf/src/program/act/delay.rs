//! A packet that goes on later.
//!
//! The kernel holds packets back in qdiscs alone, which may be missing (netem) or somebody else's. So whoever applied
//! the rule keeps a process that holds them: a TAP device carries a packet there and back as it is, its segments and an
//! unfinished checksum included.

use aya_ebpf::helpers::generated::{bpf_skb_vlan_pop, bpf_skb_vlan_push};
use probe_ebpf::{
    abi::{LaneKey, REPLY_MARK, Return, Way},
    decode::{ETHERTYPE_VLAN, VLAN_IDENTIFIER},
};

use super::super::{
    frame::{SocketBuffer, send},
    maps::{LANES, ORIGINS},
    parked::PARKED,
};

/// Sends the parked frame to its holder, with a tag that says where it was met.
#[inline(always)]
pub(crate) fn hand_out(frame: &SocketBuffer) -> Option<i32> {
    let parked = PARKED.get(0)?;
    let key = LaneKey { counter: parked.counter, ifindex: frame.ifindex(), way: parked.way as u32 };
    // SAFETY: an entry is written once, and the kernel frees it after its readers.
    let lane = unsafe { LANES.get(&key) }?;
    let (device, tag) = (lane.device, lane.tag);
    // SAFETY: the context is the kernel's own; no packet pointer is used after this.
    let pushed = unsafe { bpf_skb_vlan_push(frame.raw(), ETHERTYPE_VLAN.to_be(), tag as u16) };
    (pushed == 0).then(|| send(device, Way::Egress))
}

/// Sends a frame on from where it was met. No rule judges it again.
#[inline(always)]
pub(crate) fn hand_in(frame: &SocketBuffer) -> Option<i32> {
    let key = Return { device: frame.ifindex(), tag: frame.vlan_tag()? & u32::from(VLAN_IDENTIFIER) };
    // SAFETY: as above.
    let origin = unsafe { ORIGINS.get(&key) }?;
    let (ifindex, way) =
        (origin.ifindex, if origin.way == Way::Ingress as u32 { Way::Ingress } else { Way::Egress });
    // SAFETY: as above.
    if unsafe { bpf_skb_vlan_pop(frame.raw()) } != 0 {
        return None;
    }
    frame.set_mark(REPLY_MARK);
    Some(send(ifindex, way))
}
