//! Pins out of sight: on a bpffs that another mount hides, or in another mount namespace.
//!
//! A mount that lies under another cannot be named. So a copy of the mount namespace is made, which nobody else
//! sees, and the copy is taken apart from the top, mount by mount: what comes to light are the real file
//! systems. Nobody's mounts change.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
    thread,
};

use rustix::{
    fs::{major, minor},
    mount::{MountPropagationFlags, UnmountFlags, mount_change, unmount},
    thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe},
};

use super::super::{
    attach::remove_all,
    pins::{BPFFS, FOLDER, Pins, is_bpffs},
};
use crate::{
    causes::in_a_line,
    cluster::{namespace_id, pids},
};

/// Removes netsplit's folder from every bpffs of this machine that is not in sight. Says where there was one.
pub(super) fn clear() -> Vec<PathBuf> {
    let mut seen: HashSet<_> = in_sight().into_iter().collect();
    let mut cleared = Vec::new();
    for process in processes() {
        let Ok(mountinfo) = fs::read_to_string(process.join("mountinfo")) else { continue };
        let mounts = parse(&mountinfo);
        let bpffs = mounts.iter().filter_map(|mount| mount.bpffs.clone());
        // Nearly everywhere it is one and the same, and nothing has to be taken apart.
        if bpffs.map(|device| seen.insert(device)).fold(false, |any, new| any | new) {
            match within_copy(&process, || clear_layers(&mounts)) {
                Ok(here) => cleared.extend(here),
                Err(error) => {
                    tracing::debug!(%error, process = %process.display(), "its mounts cannot be looked at");
                }
            }
        }
    }
    cleared
}

/// The bpffs that everybody sees, by its device.
fn in_sight() -> Option<String> {
    let device = fs::metadata(BPFFS).ok().filter(|_| is_bpffs(Path::new(BPFFS)).unwrap_or(false))?.dev();
    Some(format!("{}:{}", major(device), minor(device)))
}

/// One process's folder in `/proc` for each mount namespace, the own one first.
fn processes() -> Vec<PathBuf> {
    let own = PathBuf::from("/proc/thread-self");
    let others = pids().map(|pid| PathBuf::from(format!("/proc/{pid}")));
    let mut seen = HashSet::new();
    let is_new = |process: &PathBuf| namespace_id(&process.join("ns/mnt")).is_some_and(|id| seen.insert(id));
    std::iter::once(own).chain(others).filter(is_new).collect()
}

/// Runs `work` on the mounts of a process's mount namespace, in a copy of it that ends with the call.
fn within_copy<T: Send>(process: &Path, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    let namespace = File::open(process.join("ns/mnt"))?;
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            // SAFETY: only this thread's root and working directory part from the others', and it ends here.
            unsafe { unshare_unsafe(UnshareFlags::FS) }?;
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Mount))?;
            // SAFETY: as above, for its mounts.
            unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
            // What is unmounted here must not be unmounted there.
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
            Ok(work())
        });
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A line of `/proc/PID/mountinfo` (proc(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    point: PathBuf,
    /// The device of a bpffs, as `MAJOR:MINOR`.
    bpffs: Option<String>,
}

/// The mounts, the lower before the upper.
fn parse(mountinfo: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let (places, kind) = line.split_once(" - ")?;
        let mut places = places.split(' ').skip(2);
        let (device, point) = (places.next()?, places.nth(1)?.into());
        let is_bpffs = kind.split(' ').next() == Some("bpf");
        Some(Mount { point, bpffs: is_bpffs.then(|| device.to_owned()) })
    };
    mountinfo.lines().filter_map(mount).collect()
}

/// Takes the mounts apart from the top, and clears each bpffs that comes to light.
fn clear_layers(mounts: &[Mount]) -> Vec<PathBuf> {
    let mut cleared = Vec::new();
    for (at, mount) in mounts.iter().enumerate().rev() {
        if mount.bpffs.is_some()
            && is_bpffs(&mount.point).unwrap_or(false)
            && clear_folder(&mount.point.join(FOLDER))
        {
            cleared.push(mount.point.clone());
        }
        let hides = |lower: &Mount| lower.bpffs.is_some() && lower.point.starts_with(&mount.point);
        if mounts[..at].iter().any(hides)
            && let Err(error) = unmount(&mount.point, UnmountFlags::DETACH)
        {
            tracing::debug!(%error, mount = %mount.point.display(), "it cannot be taken off");
        }
    }
    cleared
}

/// Removes netsplit's folder with every datapath's; whatever else somebody put there stays.
pub(super) fn clear_folder(root: &Path) -> bool {
    let Ok(entries) = fs::read_dir(root) else { return false };
    for folder in
        entries.filter_map(Result::ok).filter(|entry| entry.file_name().to_string_lossy().starts_with("ns-"))
    {
        // What only it tells of goes with it: a qdisc whose maker was killed before its first filter.
        if let Err(error) = remove_all(&Pins::at(folder.path())) {
            tracing::debug!(error = in_a_line(&error), "what hangs on it is not known");
        }
        if let Err(error) = fs::remove_dir_all(folder.path())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(%error, folder = %folder.path().display(), "it stays");
        }
    }
    fs::remove_dir(root).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read_from_the_bottom_up() {
        let text = "22 27 0:22 / /sys rw,relatime - sysfs sysfs rw\n\
                    40 22 0:40 / /sys/fs/bpf rw,nosuid shared:9 - bpf bpf rw,mode=700\n\
                    41 40 0:41 / /sys/fs/bpf rw - tmpfs tmpfs rw\n";
        let mount =
            |point: &str, bpffs: Option<&str>| Mount { point: point.into(), bpffs: bpffs.map(str::to_owned) };
        let told = [mount("/sys", None), mount("/sys/fs/bpf", Some("0:40")), mount("/sys/fs/bpf", None)];
        assert_eq!(parse(text), told);
    }
}
