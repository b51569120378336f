//! A world of this process's own: whatever it makes goes with it, even if it is killed.

use std::{fs, io, path::Path};

use rustix::{
    mount::{MountFlags, MountPropagationFlags, mount, mount_change},
    process::{Signal, set_parent_process_death_signal},
    thread::{UnshareFlags, unshare_unsafe},
};

/// Where `ip netns` keeps the names of namespaces.
const NAMES: &str = "/run/netns";

/// Where programs, maps and links are pinned: netsplit's and xdp-filter's.
const BPFFS: &str = "/sys/fs/bpf";

/// Moves this process into a mount namespace with a bpffs and a folder of namespaces of its own, in which nothing
/// is yet. Nobody else sees what is made here, and the kernel takes it away when the last process in here ends:
/// names, then network namespaces, then pins, programs and links. To be called before any thread is started.
pub(crate) fn enter_private() -> io::Result<()> {
    // Whoever started us and ends without a word ends us too.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // SAFETY: there is one thread, so none is left behind with other mounts.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    if !Path::new(NAMES).exists() {
        fs::create_dir_all(NAMES)?;
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("tmpfs", NAMES, "tmpfs", flags, None)?;
    mount("bpf", BPFFS, "bpf", flags, None)?;
    Ok(())
}
