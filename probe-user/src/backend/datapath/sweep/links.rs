//! Links of our programs, detached by their ids: wherever they hang, and whatever holds them.
//!
//! A link that is pinned out of reach, or held open by a stopped controller, cannot be closed, but it can be
//! detached (`BPF_LINK_DETACH`, Linux 5.9): from then on it hangs nowhere.

use std::{
    io,
    mem::size_of,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use aya::programs::loaded_links;

use super::{super::DatapathError, programs::OurProgram};

/// Numbers of `enum bpf_cmd` in `linux/bpf.h`; aya 0.14 offers neither.
const BPF_LINK_GET_FD_BY_ID: libc::c_int = 30;
const BPF_LINK_DETACH: libc::c_int = 34;

/// The part of `union bpf_attr` that both commands use: the link's id, or its descriptor.
#[repr(C)]
struct Attributes {
    link: u32,
    next_id: u32,
    open_flags: u32,
}

/// Detaches every link of these programs, and says of which there were some.
pub(super) fn detach_all(programs: &[OurProgram]) -> Result<Vec<&str>, DatapathError> {
    let mut met = Vec::new();
    let mut failed = None;
    // One that cannot be read went at this moment.
    for link in loaded_links().filter_map(Result::ok) {
        let Some(program) = programs.iter().find(|program| program.id == link.program_id()) else { continue };
        match detach(link.id()) {
            Ok(()) => met.push(program.name.as_str()),
            // Gone by now, or hanging nowhere since its interface went.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOLINK)) => {}
            Err(source) => {
                let program = program.name.clone();
                failed = failed.or(Some(DatapathError::Detach { id: link.id(), program, source }));
            }
        }
    }
    failed.map_or(Ok(met), Err)
}

fn detach(id: u32) -> io::Result<()> {
    let fd = bpf(BPF_LINK_GET_FD_BY_ID, id)?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    let link = unsafe { OwnedFd::from_raw_fd(fd) };
    bpf(BPF_LINK_DETACH, link.as_raw_fd().cast_unsigned()).map(drop)
}

/// bpf(2).
fn bpf(command: libc::c_int, link: u32) -> io::Result<libc::c_int> {
    let mut attributes = Attributes { link, next_id: 0, open_flags: 0 };
    // SAFETY: the attributes are of the size given and outlive the call; neither command keeps them.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut attributes, size_of::<Attributes>()) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        libc::c_int::try_from(result).map_err(io::Error::other)
    }
}
