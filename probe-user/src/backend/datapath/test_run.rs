//! `BPF_PROG_TEST_RUN` (bpf(2)): asks a loaded program about a frame, and nothing is sent.

use std::{
    io,
    mem::size_of,
    os::fd::{AsFd, AsRawFd},
};

use aya::programs::ProgramInfo;

use super::{Datapath, DatapathError, object};

/// What a program said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `enum xdp_action` of `linux/bpf.h`, or a TC action of `linux/pkt_cls.h`.
    pub verdict: u32,
    /// The frame as the program left it.
    pub frame: Vec<u8>,
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

/// A frame and what a program adds to it; the kernel takes no more than a page.
const ROOM: usize = 4096;

/// A program of a datapath, to be asked.
#[derive(Debug)]
pub struct Loaded {
    name: &'static str,
    info: ProgramInfo,
}

impl Datapath {
    /// One of its [programs](super::program_names), to be asked about frames.
    pub fn program(&self, name: &'static str) -> Result<Loaded, DatapathError> {
        let info = ProgramInfo::from_pin(self.pins().path(name))
            .map_err(|source| DatapathError::Program { program: name, source: Box::new(source) })?;
        Ok(Loaded { name, info })
    }
}

impl Loaded {
    /// Asks about a frame that is met at an interface of the calling thread's namespace, by its index; at `lo` where
    /// none is named.
    pub fn ask(&self, frame: &[u8], ifindex: Option<u32>) -> Result<Answer, DatapathError> {
        let failed = |source| DatapathError::TestRun { program: self.name, source };
        let fd = self
            .info
            .fd()
            .map_err(|source| DatapathError::Program { program: self.name, source: Box::new(source) })?;
        let length = u32::try_from(frame.len()).map_err(|error| failed(io::Error::other(error)))?;
        let context = ifindex.map(|ifindex| context(self.name, length, ifindex)).unwrap_or_default();
        let mut out = vec![0_u8; ROOM];
        let mut attributes = TestRun {
            prog_fd: fd.as_fd().as_raw_fd().cast_unsigned(),
            data_in: frame.as_ptr() as u64,
            data_size_in: length,
            data_out: out.as_mut_ptr() as u64,
            data_size_out: u32::try_from(out.len()).unwrap_or(0),
            repeat: 1,
            ..TestRun::default()
        };
        if !context.is_empty() {
            attributes.ctx_in = context.as_ptr() as u64;
            attributes.ctx_size_in = u32::try_from(context.len()).unwrap_or(0);
        }
        // SAFETY: the attributes are of the size given, and every pointer in them outlives the call.
        let result = unsafe {
            libc::syscall(libc::SYS_bpf, BPF_PROG_TEST_RUN, &raw mut attributes, size_of::<TestRun>())
        };
        if result != 0 {
            return Err(failed(io::Error::last_os_error()));
        }
        out.truncate(attributes.data_size_out as usize);
        Ok(Answer { verdict: attributes.retval, frame: out })
    }
}

/// What the program is told besides the frame: the interface.
fn context(program: &str, length: u32, ifindex: u32) -> Vec<u8> {
    // `struct xdp_md`: the data's end is the second word, `ingress_ifindex` the fourth of six.
    // `struct __sk_buff`: `ifindex` is the eleventh word of 48.
    let words: &mut [u32] =
        if program == object::XDP { &mut [0, length, 0, ifindex, 0, 0] } else { &mut [0; 48] };
    if program != object::XDP {
        words[10] = ifindex;
    }
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}
