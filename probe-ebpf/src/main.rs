//! The eBPF programs. `netsplit_xdp`, `netsplit_in` and `netsplit_out` ask the same question of the same maps, each
//! at its hook; what is more than a drop they hand over to a program that carries it out.
#![no_std]
#![no_main]
#![feature(core_intrinsics)]
#![allow(internal_features, reason = "atomic addition, which `core::sync::atomic` lacks on this target")]
#![allow(missing_docs, unreachable_pub, reason = "the program macros make the kernel's entry points")]
#![allow(
    clippy::inline_always,
    reason = "a BPF call costs registers and loses what the verifier knows of bounds"
)]

mod program;

use aya_ebpf::{
    bindings::{TC_ACT_SHOT, TC_ACT_UNSPEC, xdp_action},
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use probe_ebpf::abi::{Hook, LOOPBACK_IFINDEX, REPLY_MARK, Way};
use program::{
    act::{
        answer::{reject_sender, reset_sender},
        corrupt::corrupt,
        delay::{hand_in, hand_out},
        duplicate::duplicate,
    },
    enforce::{Decision, Place, enforce, enforce_narrowed},
    frame::{SocketBuffer, XdpFrame, send},
};

/// "Unspecified" hands the packet on to other programs and filters at the same hook.
const NEXT: i32 = TC_ACT_UNSPEC;

#[expect(clippy::cast_possible_wrap, reason = "the kernel's constant is small")]
const SHOT: i32 = TC_ACT_SHOT as i32;

/// Packets that arrive, before the stack sees them.
///
/// Not for frames in several pieces (`xdp.frags`): in generic mode the kernel copies each packet for such a
/// program, and the copy has lost the length of its Ethernet header, so that TC programs see none (Linux 6.18,
/// `skb_pp_cow_data`). A driver that refuses a large MTU for it leaves generic mode.
#[xdp]
pub fn netsplit_xdp(ctx: XdpContext) -> u32 {
    let place = Place { way: Way::Ingress, hook: Hook::Xdp, ifindex: interface(&ctx) };
    xdp_answer(enforce(&XdpFrame::new(ctx), place))
}

/// Parked packets that narrowed rules may hit.
#[xdp]
pub fn xdp_narrowed(ctx: XdpContext) -> u32 {
    let place = Place { way: Way::Ingress, hook: Hook::Xdp, ifindex: interface(&ctx) };
    xdp_answer(enforce_narrowed(&XdpFrame::new(ctx), place))
}

#[inline(always)]
const fn xdp_answer(decision: Decision) -> u32 {
    match decision {
        Decision::Pass => xdp_action::XDP_PASS,
        Decision::Drop => xdp_action::XDP_DROP,
    }
}

/// Packets that arrive.
#[classifier]
pub fn netsplit_in(ctx: TcContext) -> i32 {
    traffic_control(ctx, Way::Ingress)
}

/// Packets that leave.
#[classifier]
pub fn netsplit_out(ctx: TcContext) -> i32 {
    traffic_control(ctx, Way::Egress)
}

#[inline(always)]
fn traffic_control(ctx: TcContext, way: Way) -> i32 {
    let frame = SocketBuffer::new(ctx);
    if frame.mark() == REPLY_MARK {
        return NEXT;
    }
    let ifindex = frame.ifindex();
    tc_answer(enforce(&frame, Place { way, hook: Hook::Tc, ifindex }))
}

/// Parked packets that narrowed rules may hit; which way they go is parked with them.
#[classifier]
pub fn tc_narrowed(ctx: TcContext) -> i32 {
    let frame = SocketBuffer::new(ctx);
    let place = Place { way: Way::Ingress, hook: Hook::Tc, ifindex: frame.ifindex() };
    tc_answer(enforce_narrowed(&frame, place))
}

#[inline(always)]
const fn tc_answer(decision: Decision) -> i32 {
    match decision {
        Decision::Pass => NEXT,
        Decision::Drop => SHOT,
    }
}

/// Answers a parked frame with port unreachable, through the interface that it came by (`XDP_TX`).
#[xdp]
pub fn xdp_reject(ctx: XdpContext) -> u32 {
    let loopback = interface(&ctx) == LOOPBACK_IFINDEX;
    send_back(reject_sender(&XdpFrame::new(ctx), loopback))
}

/// Answers a parked frame with a RST, through the interface that it came by.
#[xdp]
pub fn xdp_reset(ctx: XdpContext) -> u32 {
    let loopback = interface(&ctx) == LOOPBACK_IFINDEX;
    send_back(reset_sender(&XdpFrame::new(ctx), loopback))
}

#[inline(always)]
fn interface(ctx: &XdpContext) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the kernel keeps it in 32 bits")]
    let ifindex = ctx.ingress_ifindex() as u32;
    ifindex
}

#[inline(always)]
fn send_back(answered: Option<Way>) -> u32 {
    if answered.is_some() { xdp_action::XDP_TX } else { xdp_action::XDP_DROP }
}

/// Answers a parked frame with port unreachable.
#[classifier]
pub fn tc_reject(ctx: TcContext) -> i32 {
    let frame = SocketBuffer::new(ctx);
    let answered = reject_sender(&frame, frame.ifindex() == LOOPBACK_IFINDEX);
    redirect(&frame, answered)
}

/// Answers a parked frame with a RST.
#[classifier]
pub fn tc_reset(ctx: TcContext) -> i32 {
    let frame = SocketBuffer::new(ctx);
    let answered = reset_sender(&frame, frame.ifindex() == LOOPBACK_IFINDEX);
    redirect(&frame, answered)
}

/// Sends an answer out through the interface where its packet arrived, or into the node's own stack where its
/// packet was about to leave; by `lo`, where what leaves arrives, it goes on its way, since only so it keeps the
/// route that it was sent with: without it, the stack would take it for a forgery of the node's own address.
#[inline(always)]
fn redirect(frame: &SocketBuffer, answered: Option<Way>) -> i32 {
    let Some(way) = answered else { return SHOT };
    frame.set_mark(REPLY_MARK);
    let ifindex = frame.ifindex();
    let into_stack = matches!(way, Way::Egress) && ifindex != LOOPBACK_IFINDEX;
    send(ifindex, if into_stack { Way::Ingress } else { Way::Egress })
}

/// Sends a copy of a parked frame ahead of it.
#[classifier]
pub fn tc_duplicate(ctx: TcContext) -> i32 {
    // A copy that could not be made is no reason to lose the packet.
    let _ = duplicate(&SocketBuffer::new(ctx));
    NEXT
}

/// Changes a bit of a parked frame's data.
#[classifier]
pub fn tc_corrupt(ctx: TcContext) -> i32 {
    let _ = corrupt(&SocketBuffer::new(ctx));
    NEXT
}

/// Hands a parked frame to whoever holds it.
#[classifier]
pub fn tc_delay(ctx: TcContext) -> i32 {
    hand_out(&SocketBuffer::new(ctx)).unwrap_or(NEXT)
}

/// Frames that come back from their holder, on its device.
#[classifier]
pub fn tc_held(ctx: TcContext) -> i32 {
    // Nobody else sends anything here.
    hand_in(&SocketBuffer::new(ctx)).unwrap_or(SHOT)
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
