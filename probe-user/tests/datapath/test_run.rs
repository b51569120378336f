//! `BPF_PROG_TEST_RUN` (bpf(2)): asks a loaded program about a frame.

use std::{
    io,
    mem::size_of,
    os::fd::{AsFd, AsRawFd},
};

use aya::programs::ProgramInfo;
use netsplit::backend::datapath::Datapath;

/// What a program said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) verdict: u32,
    pub(crate) frame: Vec<u8>,
}

/// The part of `union bpf_attr` that `BPF_PROG_TEST_RUN` uses.
#[repr(C)]
#[derive(Default)]
struct TestRun {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx_size_in: u32,
    ctx_size_out: u32,
    ctx_in: u64,
    ctx_out: u64,
    flags: u32,
    cpu: u32,
    batch_size: u32,
    reserved: u32,
}

const BPF_PROG_TEST_RUN: libc::c_int = 10;

/// `ifindex` is the eleventh word of `struct __sk_buff`, which has 192 bytes.
const SKB_BYTES: usize = 192;
const SKB_IFINDEX: usize = 10 * 4;

/// A program of the datapath of this thread's namespace.
#[derive(Debug)]
pub(crate) struct Loaded {
    info: ProgramInfo,
}

impl Loaded {
    pub(crate) fn open(name: &str) -> Self {
        Self::find(name).unwrap_or_else(|| panic!("{name} is not loaded"))
    }

    /// The program, if a rule has asked for it.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let datapath = Datapath::of_this_namespace().unwrap().expect("a datapath in this namespace");
        let pin = datapath.pins().path(name);
        pin.exists().then(|| Self { info: ProgramInfo::from_pin(pin).unwrap() })
    }

    /// Asks about a frame. `ifindex`, for TC programs: the interface that it is met at; `lo` otherwise.
    pub(crate) fn ask(&self, frame: &[u8], ifindex: Option<u32>) -> Answer {
        let fd = self.info.fd().unwrap();
        let mut out = vec![0_u8; 4096];
        let mut skb = [0_u8; SKB_BYTES];
        let mut attributes = TestRun {
            prog_fd: u32::try_from(fd.as_fd().as_raw_fd()).unwrap(),
            data_in: frame.as_ptr() as u64,
            data_size_in: u32::try_from(frame.len()).unwrap(),
            data_out: out.as_mut_ptr() as u64,
            data_size_out: u32::try_from(out.len()).unwrap(),
            repeat: 1,
            ..TestRun::default()
        };
        if let Some(ifindex) = ifindex {
            skb[SKB_IFINDEX..SKB_IFINDEX + 4].copy_from_slice(&ifindex.to_ne_bytes());
            attributes.ctx_in = skb.as_ptr() as u64;
            attributes.ctx_size_in = u32::try_from(skb.len()).unwrap();
        }
        // SAFETY: the attributes are of the size given, and every pointer in them outlives the call.
        let result = unsafe {
            libc::syscall(libc::SYS_bpf, BPF_PROG_TEST_RUN, &raw mut attributes, size_of::<TestRun>())
        };
        assert!(result == 0, "BPF_PROG_TEST_RUN: {}", io::Error::last_os_error());
        out.truncate(usize::try_from(attributes.data_size_out).unwrap());
        Answer { verdict: attributes.retval, frame: out }
    }
}
