//! The eBPF programs: `ingress_xdp`, `ingress_tc` and `egress_tc`. All three ask the same question of the same
//! maps; they differ in what they can do about the answer.
#![no_std]
#![no_main]
#![allow(missing_docs, unreachable_pub, reason = "the program macros make the kernel's entry points")]
#![allow(
    clippy::inline_always,
    reason = "a BPF call costs registers and loses what the verifier knows of bounds"
)]

mod program;

use aya_ebpf::{
    bindings::{BPF_F_INGRESS, TC_ACT_SHOT, TC_ACT_UNSPEC, xdp_action},
    helpers::generated::bpf_redirect,
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use probe_ebpf::abi::{Hook, LOOPBACK_IFINDEX, REPLY_MARK, Way};
use program::{
    enforce::{Decision, Place, enforce},
    frame::{SocketBuffer, XdpFrame},
};

/// Packets that arrive, before the stack sees them. Answers leave through the same interface (`XDP_TX`).
///
/// Not for frames in several pieces (`xdp.frags`): in generic mode the kernel copies each packet for such a
/// program, and the copy has lost the length of its Ethernet header, so that TC programs see none (Linux 6.18,
/// `skb_pp_cow_data`). A driver that refuses a large MTU for it leaves generic mode.
#[xdp]
pub fn ingress_xdp(ctx: XdpContext) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the kernel keeps it in 32 bits")]
    let place = Place { way: Way::Ingress, hook: Hook::Xdp, ifindex: ctx.ingress_ifindex() as u32 };
    match enforce(&XdpFrame::new(ctx), place) {
        Decision::Pass => xdp_action::XDP_PASS,
        Decision::Drop => xdp_action::XDP_DROP,
        Decision::Answer => xdp_action::XDP_TX,
    }
}

/// Packets that arrive. Answers are redirected out through the same interface.
#[classifier]
pub fn ingress_tc(ctx: TcContext) -> i32 {
    traffic_control(ctx, Way::Ingress)
}

/// Packets that leave. Answers are redirected into the same interface, to the node's own stack; by `lo`, where
/// what leaves arrives, they go on their way, since only so they keep the route that they were sent with:
/// without it, the stack would take them for forgeries of the node's own address.
#[classifier]
pub fn egress_tc(ctx: TcContext) -> i32 {
    traffic_control(ctx, Way::Egress)
}

#[inline(always)]
fn traffic_control(ctx: TcContext, way: Way) -> i32 {
    // "Unspecified" hands the packet on to other programs and filters at the same hook.
    const NEXT: i32 = TC_ACT_UNSPEC;
    let frame = SocketBuffer::new(ctx);
    if frame.mark() == REPLY_MARK {
        return NEXT;
    }
    let ifindex = frame.ifindex();
    match enforce(&frame, Place { way, hook: Hook::Tc, ifindex }) {
        Decision::Pass => NEXT,
        #[expect(clippy::cast_possible_wrap, reason = "the kernel's constant is small")]
        Decision::Drop => TC_ACT_SHOT as i32,
        Decision::Answer => {
            frame.set_mark(REPLY_MARK);
            let into_stack = matches!(way, Way::Egress) && ifindex != LOOPBACK_IFINDEX;
            let redirect_flags = if into_stack { u64::from(BPF_F_INGRESS) } else { 0 };
            // SAFETY: a helper call without pointers.
            #[expect(clippy::cast_possible_truncation, reason = "the helper answers with a TC action")]
            unsafe {
                bpf_redirect(ifindex, redirect_flags) as i32
            }
        }
    }
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// Some helpers (`bpf_ktime_get_boot_ns`) are for GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
