//! bpf(2) by hand: programs of a few instructions, and how long one run of a program takes.
//!
//! aya 0.14 has neither `BPF_PROG_TEST_RUN` nor programs without an object file.

use std::{
    io,
    mem::size_of,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

/// `union bpf_attr` of `linux/bpf.h`, as far as the commands here reach.
#[repr(C, align(8))]
struct Attributes([u8; 128]);

impl Attributes {
    fn new() -> Self {
        Self([0; 128])
    }

    fn with<const N: usize>(mut self, at: usize, value: [u8; N]) -> Self {
        self.0[at..at + N].copy_from_slice(&value);
        self
    }

    fn word(self, at: usize, value: u32) -> Self {
        self.with(at, value.to_ne_bytes())
    }

    fn pointer<T>(self, at: usize, value: *const T) -> Self {
        self.with(at, (value as u64).to_ne_bytes())
    }

    fn read(&self, at: usize) -> u32 {
        let mut word = [0; 4];
        word.copy_from_slice(&self.0[at..at + 4]);
        u32::from_ne_bytes(word)
    }

    fn call(&mut self, command: libc::c_int) -> io::Result<libc::c_int> {
        // SAFETY: the attributes are zero beyond what was set, and every pointer set in them outlives the call, as
        // each caller sees to.
        let result = unsafe { libc::syscall(libc::SYS_bpf, command, self.0.as_mut_ptr(), size_of::<Self>()) };
        match libc::c_int::try_from(result) {
            Ok(result) if result >= 0 => Ok(result),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn call_for_fd(&mut self, command: libc::c_int) -> io::Result<OwnedFd> {
        let fd = self.call(command)?;
        // SAFETY: the command has just made this descriptor, for us alone.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

const BPF_MAP_CREATE: libc::c_int = 0;
const BPF_MAP_UPDATE_ELEM: libc::c_int = 2;
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_TEST_RUN: libc::c_int = 10;
const BPF_PROG_GET_FD_BY_ID: libc::c_int = 13;

/// `enum bpf_prog_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `BPF_PROG_TYPE_SCHED_CLS`
    Tc = 3,
    /// `BPF_PROG_TYPE_XDP`
    Xdp = 6,
}

/// `struct bpf_insn`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

impl Instruction {
    /// An instruction by its parts, as "eBPF instruction set" of the kernel's documentation names them.
    pub(crate) const fn new(code: u8, target: u8, source: u8, offset: i16, immediate: i32) -> Self {
        Self { code, registers: source << 4 | target, offset, immediate }
    }

    /// `rN = value`
    pub(crate) const fn set(target: u8, value: i32) -> Self {
        Self::new(0xb7, target, 0, 0, value)
    }

    /// `exit`
    pub(crate) const fn exit() -> Self {
        Self::new(0x95, 0, 0, 0, 0)
    }
}

/// Loads a program. The licence is for helpers that are for GPL-compatible programs only.
pub(crate) fn load(kind: Kind, instructions: &[Instruction]) -> io::Result<OwnedFd> {
    let mut log = vec![0_u8; 1 << 16];
    let count = u32::try_from(instructions.len()).map_err(io::Error::other)?;
    Attributes::new()
        .word(0, kind as u32)
        .word(4, count)
        .pointer(8, instructions.as_ptr())
        .pointer(16, c"Dual MIT/GPL".as_ptr())
        .word(24, 1)
        .word(28, 1 << 16)
        .pointer(32, log.as_mut_ptr())
        .call_for_fd(BPF_PROG_LOAD)
        .map_err(|error| {
            let said = String::from_utf8_lossy(&log);
            io::Error::other(format!("{error}: {}", said.trim_end_matches('\0')))
        })
}

/// The program that only lets packets pass: what any program pays at least.
pub(crate) fn load_empty(kind: Kind) -> io::Result<OwnedFd> {
    const XDP_PASS: i32 = 2;
    const TC_ACT_UNSPEC: i32 = -1;
    let pass = if kind == Kind::Xdp { XDP_PASS } else { TC_ACT_UNSPEC };
    load(kind, &[Instruction::set(0, pass), Instruction::exit()])
}

/// Makes a map: `enum bpf_map_type`, sizes in bytes, flags.
pub(crate) fn make_map(kind: u32, key: u32, value: u32, entries: u32, flags: u32) -> io::Result<OwnedFd> {
    Attributes::new()
        .word(0, kind)
        .word(4, key)
        .word(8, value)
        .word(12, entries)
        .word(16, flags)
        .call_for_fd(BPF_MAP_CREATE)
}

/// Writes one element; the slices must be as long as the map's keys and values.
pub(crate) fn update(map: &impl AsFd, key: &[u8], value: &[u8]) -> io::Result<()> {
    Attributes::new()
        .word(0, raw(map.as_fd()))
        .pointer(8, key.as_ptr())
        .pointer(16, value.as_ptr())
        .call(BPF_MAP_UPDATE_ELEM)
        .map(drop)
}

/// A program by the id that the kernel gave it.
pub(crate) fn program_by_id(id: u32) -> io::Result<OwnedFd> {
    Attributes::new().word(0, id).call_for_fd(BPF_PROG_GET_FD_BY_ID)
}

/// What a program said, and how long a run took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ran {
    /// The program's own code.
    pub(crate) verdict: u32,
    /// Nanoseconds a run, on average over the repeats, by the kernel's own timer: without the system call.
    pub(crate) ns: u32,
}

/// Runs a program on a frame that arrives on `lo`, `repeat` times in a row.
pub(crate) fn test_run(program: &impl AsFd, frame: &[u8], repeat: u32) -> io::Result<Ran> {
    let mut out = [0_u8; 2048];
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    let mut attributes = Attributes::new()
        .word(0, raw(program.as_fd()))
        .word(8, length)
        .word(12, 2048)
        .pointer(16, frame.as_ptr())
        .pointer(24, out.as_mut_ptr())
        .word(32, repeat);
    attributes.call(BPF_PROG_TEST_RUN)?;
    Ok(Ran { verdict: attributes.read(4), ns: attributes.read(36) })
}

/// Sends `count` copies of a frame out of an interface of this namespace, as a driver would that receives them
/// elsewhere: no `skb` is made (`BPF_F_TEST_XDP_LIVE_FRAMES`). `program` has to say `XDP_TX`. Gives the nanoseconds that
/// one took, on average; what the call needs before and after is not in them.
pub(crate) fn send_frames(program: &impl AsFd, ifindex: u32, frame: &[u8], count: u32) -> io::Result<u32> {
    const LIVE_FRAMES: u32 = 1 << 1;
    const BATCH: u32 = 64;
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    // `struct xdp_md`: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
    let context = [0, length, 0, ifindex, 0, 0];
    let mut attributes = Attributes::new()
        .word(0, raw(program.as_fd()))
        .word(8, length)
        .pointer(16, frame.as_ptr())
        .word(32, count)
        .word(40, 24)
        .pointer(48, context.as_ptr())
        .word(64, LIVE_FRAMES)
        .word(72, BATCH);
    attributes.call(BPF_PROG_TEST_RUN)?;
    Ok(attributes.read(36))
}

fn raw(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}
