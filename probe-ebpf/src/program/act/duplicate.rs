//! A packet that goes on twice.

use aya_ebpf::{bindings::BPF_F_INGRESS, helpers::generated::bpf_clone_redirect};
use probe_ebpf::abi::{REPLY_MARK, Way};

use super::super::{frame::SocketBuffer, parked::PARKED};

/// Sends a copy ahead, by the interface where the packet was met and the way that it goes. The copy carries our
/// mark, so that no rule judges it again.
#[inline(always)]
pub(crate) fn duplicate(frame: &SocketBuffer) -> Option<()> {
    let way = PARKED.get(0)?.way;
    let mark = frame.mark();
    frame.set_mark(REPLY_MARK);
    let redirect_flags = match way {
        Way::Ingress => u64::from(BPF_F_INGRESS),
        Way::Egress => 0,
    };
    // SAFETY: the context is the kernel's own; no packet pointer is used after this.
    unsafe { bpf_clone_redirect(frame.raw(), frame.ifindex(), redirect_flags) };
    frame.set_mark(mark);
    Some(())
}
