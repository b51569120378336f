//! An XDP program that is somebody else's. It has a name of ours, so that names alone cannot tell.

use std::{
    ffi::CString,
    io,
    mem::size_of,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use netsplit::backend::datapath::program_names;

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_OBJ_PIN: libc::c_int = 6;
const BPF_PROG_TYPE_XDP: u32 = 6;

/// The first part of `union bpf_attr` for `BPF_PROG_LOAD` (`linux/bpf.h`).
#[repr(C)]
#[derive(Default)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
}

#[repr(C)]
struct Pin {
    pathname: u64,
    bpf_fd: u32,
    file_flags: u32,
}

/// `r0 = XDP_PASS; exit`.
const PASS: [u64; 2] = [0x0000_0002_0000_00b7, 0x95];

fn bpf<T>(command: libc::c_int, attributes: &mut T) -> libc::c_int {
    // SAFETY: the attributes are of the size given, and every pointer in them outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<T>()) };
    assert!(result >= 0, "bpf({command}): {}", io::Error::last_os_error());
    libc::c_int::try_from(result).unwrap()
}

pub(crate) fn load() -> OwnedFd {
    let mut name = [0; 16];
    let ours = program_names()[0].as_bytes();
    name[..ours.len()].copy_from_slice(ours);
    let mut attributes = Load {
        prog_type: BPF_PROG_TYPE_XDP,
        insn_cnt: 2,
        insns: PASS.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        prog_name: name,
        ..Load::default()
    };
    let fd = bpf(BPF_PROG_LOAD, &mut attributes);
    // SAFETY: the kernel has just made this descriptor.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

pub(crate) fn pin(program: &OwnedFd, path: &str) {
    let path = CString::new(path).unwrap();
    let bpf_fd = program.as_raw_fd().cast_unsigned();
    bpf(BPF_OBJ_PIN, &mut Pin { pathname: path.as_ptr() as u64, bpf_fd, file_flags: 0 });
}
