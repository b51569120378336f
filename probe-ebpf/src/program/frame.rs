//! A frame under XDP and under TC, behind one face.

use core::{hint::black_box, ptr};

use aya_ebpf::{
    EbpfContext,
    bindings::{__sk_buff, BPF_F_INGRESS, xdp_md},
    helpers::generated::{
        bpf_redirect, bpf_skb_change_head, bpf_skb_change_tail, bpf_skb_load_bytes, bpf_skb_pull_data,
        bpf_skb_store_bytes, bpf_xdp_adjust_head, bpf_xdp_adjust_tail, bpf_xdp_get_buff_len,
        bpf_xdp_load_bytes, bpf_xdp_store_bytes,
    },
    programs::{TcContext, XdpContext},
};
use probe_ebpf::{abi::Way, bytes::Bytes};

use super::{
    enforce::look,
    maps::{TC_ACTIONS, XDP_ACTIONS},
};

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

    /// Ends this program and runs the one in this place: an action's number, or [`NARROWED`]. Returns only if there is
    /// none.
    ///
    /// [`NARROWED`]: probe_ebpf::abi::NARROWED
    fn hand_over(&self, place: u32);

    /// How many bytes of data each segment carries, where the frame stands for several; 0 where it does not.
    fn segment_data(&self) -> u32;

    /// Looks at the packet and parks it if a rule may concern it: a [`Look`](super::enforce::Look) as a number.
    fn look(&self, way: Way) -> u64;

    /// Brings all headers into direct reach; `false` if they were, or cannot be.
    fn pull_headers(&self) -> bool;

    /// Overwrites the bytes at `at`.
    fn store<const N: usize>(&self, at: usize, bytes: &[u8; N]) -> Option<()>;

    /// Copies the `length` bytes at `at`, at least one, to the beginning of `to`.
    fn load<const N: usize>(&self, at: usize, to: &mut [u8; N], length: usize) -> Option<()>;

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

// What looks at a packet is global, one function for each kind of context: the verifier looks at such a function once,
// wherever it is called from (Linux 5.6, "BPF global functions").

/// Looks at a frame at the XDP hook.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn netsplit_look_xdp(ctx: *mut xdp_md) -> u64 {
    look(&XdpFrame::new(XdpContext::new(ctx)), Way::Ingress)
}

/// Looks at a frame at a TC hook.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn netsplit_look_tc(ctx: *mut __sk_buff, way: u64) -> u64 {
    let way = if way == Way::Egress as u64 { Way::Egress } else { Way::Ingress };
    look(&SocketBuffer::new(TcContext::new(ctx)), way)
}

/// A length of which the verifier sees that it lies between 1 and N.
#[inline(always)]
fn bounded<const N: usize>(length: usize) -> Option<u32> {
    const { assert!(N.is_power_of_two()) };
    // One is added behind the box: before Linux 6.8 or so the verifier learns nothing from a comparison with 0.
    let but_one = black_box(length.checked_sub(1)?) & (N - 1);
    Some(but_one as u32 + 1)
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
        // The program takes frames in one piece.
        self.ctx.data_end() - self.ctx.data()
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
    fn hand_over(&self, place: u32) {
        // SAFETY: the array holds XDP programs alone.
        let _ = unsafe { XDP_ACTIONS.tail_call(&self.ctx, place) };
    }

    #[inline(always)]
    fn segment_data(&self) -> u32 {
        0
    }

    #[inline(always)]
    fn look(&self, _: Way) -> u64 {
        netsplit_look_xdp(self.ctx.ctx)
    }

    #[inline(always)]
    fn pull_headers(&self) -> bool {
        // An XDP frame in one piece is all in reach.
        false
    }

    #[inline(always)]
    fn store<const N: usize>(&self, at: usize, bytes: &[u8; N]) -> Option<()> {
        // SAFETY: the helper checks the offset, and reads N bytes from an array of N.
        done(unsafe {
            bpf_xdp_store_bytes(self.ctx.ctx, at as u32, bytes.as_ptr().cast_mut().cast(), N as u32)
        })
    }

    #[inline(always)]
    fn load<const N: usize>(&self, at: usize, to: &mut [u8; N], length: usize) -> Option<()> {
        let length = bounded::<N>(length)?;
        // SAFETY: the helper checks the offset, and writes no more than N bytes.
        done(unsafe { bpf_xdp_load_bytes(self.ctx.ctx, at as u32, to.as_mut_ptr().cast(), length) })
    }

    #[inline(always)]
    fn resize(&self, length: usize) -> Option<()> {
        // By the helper: from the difference of two packet pointers the compiler makes one of 32 bits, which the verifier
        // does not take.
        // SAFETY: the context is the kernel's own.
        let now = unsafe { bpf_xdp_get_buff_len(self.ctx.ctx) };
        let delta = length as i32 - now as i32;
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

    /// The VLAN tag that the kernel keeps beside the packet; `None` if there is none.
    #[inline(always)]
    pub(crate) fn vlan_tag(&self) -> Option<u32> {
        // SAFETY: as in `mark`.
        let (present, tag) = unsafe { ((*self.ctx.skb.skb).vlan_present, (*self.ctx.skb.skb).vlan_tci) };
        (present != 0).then_some(tag)
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
        direct(self.ctx.data(), self.ctx.data_end(), at)
    }
}

impl Frame for SocketBuffer {
    type Context = TcContext;

    fn context(&self) -> &TcContext {
        &self.ctx
    }

    #[inline(always)]
    fn hand_over(&self, place: u32) {
        // SAFETY: the array holds TC programs alone.
        let _ = unsafe { TC_ACTIONS.tail_call(&self.ctx, place) };
    }

    #[inline(always)]
    fn look(&self, way: Way) -> u64 {
        netsplit_look_tc(self.ctx.skb.skb, way as u64)
    }

    #[inline(always)]
    fn pull_headers(&self) -> bool {
        /// Far more than any chain of headers that is not made to be long.
        const HEADERS: usize = 2048;
        let length = self.length();
        let linear = self.ctx.data_end() - self.ctx.data();
        let wanted = if length < HEADERS { length } else { HEADERS };
        // SAFETY: packet pointers are derived anew after this.
        linear < wanted && unsafe { bpf_skb_pull_data(self.ctx.skb.skb, wanted as u32) } == 0
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
    fn load<const N: usize>(&self, at: usize, to: &mut [u8; N], length: usize) -> Option<()> {
        let length = bounded::<N>(length)?;
        // SAFETY: the helper checks the offset, and writes no more than N bytes.
        done(unsafe {
            bpf_skb_load_bytes(self.ctx.skb.skb.cast(), at as u32, to.as_mut_ptr().cast(), length)
        })
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

/// Sends a packet on by an interface: out, or up into the stack as if it had just arrived there. The answer is the
/// program's.
#[inline(always)]
pub(crate) fn send(ifindex: u32, way: Way) -> i32 {
    let flags = match way {
        Way::Ingress => u64::from(BPF_F_INGRESS),
        Way::Egress => 0,
    };
    // SAFETY: a helper call without pointers.
    #[expect(clippy::cast_possible_truncation, reason = "the helper answers with a TC action")]
    unsafe {
        bpf_redirect(ifindex, flags) as i32
    }
}
