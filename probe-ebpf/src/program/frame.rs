//! A frame under XDP and under TC, behind one face.

use core::ptr;

use aya_ebpf::{
    EbpfContext,
    bindings::__sk_buff,
    helpers::generated::{
        bpf_skb_change_head, bpf_skb_change_tail, bpf_skb_load_bytes, bpf_skb_store_bytes,
        bpf_xdp_adjust_head, bpf_xdp_adjust_tail, bpf_xdp_get_buff_len, bpf_xdp_store_bytes,
    },
    programs::{TcContext, XdpContext},
};
use probe_ebpf::{abi::Action, bytes::Bytes};

use super::maps::{TC_ACTIONS, XDP_ACTIONS};

/// Every offset that the decoder can come to lies below (two tags, an IPv6 header, eight extension headers of
/// at most 2,048 bytes): the mask changes none, and shows the verifier their bound. A comparison would not do:
/// the compiler merges it with others into a signed one.
const REACH: usize = (1 << 15) - 1;

/// A frame that can be turned into its own answer.
pub(crate) trait Frame: Bytes {
    /// What aya-log wants.
    type Context: EbpfContext;

    /// The program's context.
    fn context(&self) -> &Self::Context;

    /// Ends this program and runs the one that carries the action out. Returns only if that one is not there.
    fn hand_over(&self, action: Action);

    /// How many bytes of data each segment carries, where the frame stands for several; 0 where it does not.
    fn segment_data(&self) -> u32;

    /// Overwrites the bytes at `at`.
    fn store<const N: usize>(&self, at: usize, bytes: &[u8; N]) -> Option<()>;

    /// Cuts or pads the frame's end.
    fn resize(&self, length: usize) -> Option<()>;

    /// Puts `N` new bytes before the frame.
    fn grow_front<const N: u32>(&self) -> Option<()>;
}

/// The bytes at `at` of the part of the frame that lies between two packet pointers.
#[inline(always)]
fn direct<const N: usize>(data: usize, data_end: usize, at: usize) -> Option<[u8; N]> {
    const { assert!(N >= 2) };
    let from = data + (at & REACH);
    if from + N > data_end {
        return None;
    }
    // SAFETY: the verifier has just seen that N bytes from here on lie before the end.
    Some(unsafe { ptr::read_unaligned(from as *const [u8; N]) })
}

#[inline(always)]
const fn done(result: i64) -> Option<()> {
    if result == 0 { Some(()) } else { None }
}

/// A frame at the XDP hook.
pub(crate) struct XdpFrame {
    ctx: XdpContext,
}

impl XdpFrame {
    /// The frame that the program was called for.
    pub(crate) fn new(ctx: XdpContext) -> Self {
        Self { ctx }
    }
}

impl Bytes for XdpFrame {
    #[inline(always)]
    fn length(&self) -> usize {
        // SAFETY: the context is the kernel's own.
        let bytes = unsafe { bpf_xdp_get_buff_len(self.ctx.ctx) };
        bytes as usize
    }

    #[inline(always)]
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        direct(self.ctx.data(), self.ctx.data_end(), at)
    }
}

impl Frame for XdpFrame {
    type Context = XdpContext;

    fn context(&self) -> &XdpContext {
        &self.ctx
    }

    #[inline(always)]
    fn hand_over(&self, action: Action) {
        // SAFETY: the array holds XDP programs alone.
        let _ = unsafe { XDP_ACTIONS.tail_call(&self.ctx, action as u32) };
    }

    #[inline(always)]
    fn segment_data(&self) -> u32 {
        0
    }

    #[inline(always)]
    fn store<const N: usize>(&self, at: usize, bytes: &[u8; N]) -> Option<()> {
        // SAFETY: the helper checks the offset, and reads N bytes from an array of N.
        done(unsafe {
            bpf_xdp_store_bytes(self.ctx.ctx, at as u32, bytes.as_ptr().cast_mut().cast(), N as u32)
        })
    }

    #[inline(always)]
    fn resize(&self, length: usize) -> Option<()> {
        let delta = length as i32 - self.length() as i32;
        // SAFETY: every packet pointer is derived anew after this.
        done(unsafe { bpf_xdp_adjust_tail(self.ctx.ctx, delta) })
    }

    #[inline(always)]
    fn grow_front<const N: u32>(&self) -> Option<()> {
        // SAFETY: every packet pointer is derived anew after this.
        done(unsafe { bpf_xdp_adjust_head(self.ctx.ctx, -(N as i32)) })
    }
}

/// A frame at a TC hook.
pub(crate) struct SocketBuffer {
    ctx: TcContext,
}

impl SocketBuffer {
    /// The frame that the program was called for.
    pub(crate) fn new(ctx: TcContext) -> Self {
        Self { ctx }
    }

    /// The kernel's own context.
    #[inline(always)]
    pub(super) fn raw(&self) -> *mut __sk_buff {
        self.ctx.skb.skb
    }

    /// `skb->mark`.
    #[inline(always)]
    pub(crate) fn mark(&self) -> u32 {
        // SAFETY: the kernel's own context outlives the program.
        unsafe { (*self.ctx.skb.skb).mark }
    }

    /// Sets `skb->mark`.
    #[inline(always)]
    pub(crate) fn set_mark(&self, mark: u32) {
        self.ctx.skb.set_mark(mark);
    }

    /// The interface that the packet arrives at or leaves by.
    #[inline(always)]
    pub(crate) fn ifindex(&self) -> u32 {
        // SAFETY: as in `mark`.
        unsafe { (*self.ctx.skb.skb).ifindex }
    }
}

impl Bytes for SocketBuffer {
    #[inline(always)]
    fn length(&self) -> usize {
        self.ctx.len() as usize
    }

    #[inline(always)]
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        if let Some(bytes) = direct(self.ctx.data(), self.ctx.data_end(), at) {
            return Some(bytes);
        }
        // Behind the linear part of the `skb`.
        let mut bytes = [0; N];
        // SAFETY: the helper checks the offset, and writes N bytes into an array of N.
        let result = unsafe {
            bpf_skb_load_bytes(self.ctx.skb.skb.cast(), at as u32, bytes.as_mut_ptr().cast(), N as u32)
        };
        done(result).map(|()| bytes)
    }
}

impl Frame for SocketBuffer {
    type Context = TcContext;

    fn context(&self) -> &TcContext {
        &self.ctx
    }

    #[inline(always)]
    fn hand_over(&self, action: Action) {
        // SAFETY: the array holds TC programs alone.
        let _ = unsafe { TC_ACTIONS.tail_call(&self.ctx, action as u32) };
    }

    #[inline(always)]
    fn segment_data(&self) -> u32 {
        // SAFETY: as in `mark`.
        unsafe { (*self.ctx.skb.skb).gso_size }
    }

    #[inline(always)]
    fn store<const N: usize>(&self, at: usize, bytes: &[u8; N]) -> Option<()> {
        // SAFETY: the helper checks the offset, and reads N bytes from an array of N.
        done(unsafe { bpf_skb_store_bytes(self.ctx.skb.skb, at as u32, bytes.as_ptr().cast(), N as u32, 0) })
    }

    #[inline(always)]
    fn resize(&self, length: usize) -> Option<()> {
        // SAFETY: every packet pointer is derived anew after this.
        done(unsafe { bpf_skb_change_tail(self.ctx.skb.skb, length as u32, 0) })
    }

    #[inline(always)]
    fn grow_front<const N: u32>(&self) -> Option<()> {
        // SAFETY: every packet pointer is derived anew after this.
        done(unsafe { bpf_skb_change_head(self.ctx.skb.skb, N, 0) })
    }
}
