//! Where things lie on bpffs, and who may touch them.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock, statfs},
    mount::{MountFlags, mount},
    net::{AddressFamily, SocketType, socket},
};

use super::DatapathError;
use crate::{
    backend::lock::{Busy, PATIENCE, SHORT_PATIENCE, lock_within},
    cluster::{namespace_files, within_file},
};

pub(super) const BPFFS: &str = "/sys/fs/bpf";
pub(super) const ROOT: &str = "/sys/fs/bpf/netsplit";

/// The folder of all datapaths on a bpffs.
pub(super) const FOLDER: &str = "netsplit";

/// `BPF_FS_MAGIC` of `linux/magic.h`.
const BPF_FS_MAGIC: u64 = 0xcafe_4a11;

/// The pin that is made last: a folder without it is half-made.
const SEAL: &str = "sealed";

/// Held while the datapaths of this machine are changed; other controllers wait. Ends with the process.
#[derive(Debug)]
pub struct Lock {
    folder: File,
}

impl Lock {
    /// Waits for its turn. Mounts bpffs and makes the folder if need be. A controller that was stopped keeps its
    /// lock, so the patience of others has an end.
    pub fn exclusive() -> Result<Self, DatapathError> {
        Self::within(PATIENCE)
    }

    /// For whoever ends everything, which must not depend on others: waits for a moment only.
    pub(crate) fn soon() -> Result<Self, DatapathError> {
        Self::within(SHORT_PATIENCE)
    }

    fn within(patience: Duration) -> Result<Self, DatapathError> {
        ensure_bpffs()?;
        let begun = Instant::now();
        loop {
            let left = patience.saturating_sub(begun.elapsed());
            match lock_root(left).map_err(|source| pin_error(Path::new(ROOT), "locked", source))? {
                Turn::Ours(folder) => return Ok(Self { folder }),
                Turn::Again => {}
                Turn::Taken(inode) => return Err(Busy::with("datapaths", begun, inode).into()),
            }
        }
    }

    /// Refuses to go on if whoever ended everything did not wait for this process, which may have been stopped.
    pub(super) fn check(&self) -> Result<(), DatapathError> {
        let is_named =
            names_root(&self.folder).map_err(|source| pin_error(Path::new(ROOT), "read", source))?;
        if is_named { Ok(()) } else { Err(DatapathError::Overtaken) }
    }
}

/// How an attempt to lock ended.
enum Turn {
    /// Locked.
    Ours(File),
    /// Whoever held it before took the folder away meanwhile.
    Again,
    /// Somebody holds it; the folder's inode.
    Taken(u64),
}

fn lock_root(patience: Duration) -> io::Result<Turn> {
    fs::create_dir_all(ROOT)?;
    let folder = match File::open(ROOT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Turn::Again),
        other => other?,
    };
    let inode = folder.metadata()?.ino();
    let Some(folder) = lock_within(folder, patience)? else { return Ok(Turn::Taken(inode)) };
    // A lock on a folder that has no name any more keeps nobody out.
    Ok(if names_root(&folder)? { Turn::Ours(folder) } else { Turn::Again })
}

/// Whether this is the folder that has the name now.
fn names_root(folder: &File) -> io::Result<bool> {
    match fs::metadata(ROOT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
        Ok(named) => {
            let held = folder.metadata()?;
            Ok((named.dev(), named.ino()) == (held.dev(), held.ino()))
        }
    }
}

/// Takes the folder of all datapaths away once the last one is gone.
pub(super) fn remove_root_if_empty(_lock: &Lock) {
    // Not empty, or already gone: both are as they should be.
    let _ = fs::remove_dir(ROOT);
}

/// The folder of one datapath. Names on bpffs may not hold a dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    folder: PathBuf,
}

impl Pins {
    pub(super) fn of_this_namespace() -> Result<Self, DatapathError> {
        let cookie = namespace_cookie().map_err(DatapathError::NamespaceId)?;
        Ok(Self { folder: Path::new(ROOT).join(format!("ns-{cookie}")) })
    }

    /// Those of this folder.
    pub(super) const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// A file that stands for the network namespace whose datapath this is; `None` if that is gone. Whoever called it
    /// `local` meant where they stood, and whoever gave it a name may have given that to another since: only the
    /// namespace itself says who it is. The bpffs may be mounted anywhere.
    pub(super) fn home(&self) -> Option<PathBuf> {
        let is_home = |file: &PathBuf| {
            within_file(file, Self::of_this_namespace).is_ok_and(|found| {
                found.is_ok_and(|found| found.folder.file_name() == self.folder.file_name())
            })
        };
        namespace_files().into_iter().find(is_home)
    }

    /// Whether there may be a datapath, whole or in part, on this machine.
    pub(super) fn any_exist() -> bool {
        Path::new(ROOT).exists()
    }

    pub(super) fn all() -> Result<Vec<Self>, DatapathError> {
        let entries = match fs::read_dir(ROOT) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(pin_error(Path::new(ROOT), "read", source)),
        };
        let mut all = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| pin_error(Path::new(ROOT), "read", source))?;
            // Whatever else somebody put there is not ours.
            if entry.file_name().to_string_lossy().starts_with("ns-") {
                all.push(Self { folder: entry.path() });
            }
        }
        all.sort_by(|a, b| a.folder.cmp(&b.folder));
        Ok(all)
    }

    /// The pin of a map or a program.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn create(&self) -> Result<(), DatapathError> {
        fs::create_dir_all(&self.folder).map_err(|source| pin_error(&self.folder, "created", source))
    }

    /// Marks the folder as whole: everything that belongs into it is pinned.
    pub(super) fn seal(&self) -> Result<(), DatapathError> {
        let path = self.path(SEAL);
        fs::create_dir(&path).map_err(|source| pin_error(&path, "created", source))
    }

    pub(super) fn is_complete(&self) -> bool {
        self.path(SEAL).exists()
    }

    pub(super) fn exists(&self) -> bool {
        self.folder.exists()
    }

    /// The names in the folder.
    pub(super) fn names(&self) -> Result<Vec<String>, DatapathError> {
        let entries = fs::read_dir(&self.folder).map_err(|source| pin_error(&self.folder, "read", source))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| pin_error(&self.folder, "read", source))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Removes one pin. The seal goes first, so that a half-removed folder is known as one.
    pub(super) fn remove(&self, name: &str) -> Result<(), DatapathError> {
        let path = self.path(name);
        let removed = if name == SEAL { fs::remove_dir(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(pin_error(&path, "removed", source))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn unseal(&self) -> Result<(), DatapathError> {
        self.remove(SEAL)
    }

    pub(super) fn remove_folder(&self) -> Result<(), DatapathError> {
        fs::remove_dir(&self.folder).map_err(|source| pin_error(&self.folder, "removed", source))
    }
}

fn pin_error(path: &Path, verb: &'static str, source: io::Error) -> DatapathError {
    DatapathError::Pin { path: path.to_owned(), verb, source }
}

fn ensure_bpffs() -> Result<(), DatapathError> {
    let failed = |source: io::Error| DatapathError::Bpffs { path: BPFFS, source };
    if is_bpffs(Path::new(BPFFS)).map_err(failed)? {
        return Ok(());
    }
    // A second mount on top of the first would hide what is pinned there: one controller at a time.
    let below = File::open(BPFFS).map_err(failed)?;
    flock(below.as_fd(), FlockOperation::LockExclusive).map_err(|errno| failed(errno.into()))?;
    if is_bpffs(Path::new(BPFFS)).map_err(failed)? {
        return Ok(());
    }
    mount("bpf", BPFFS, "bpf", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None)
        .map_err(|errno| failed(errno.into()))
}

pub(super) fn is_bpffs(path: &Path) -> io::Result<bool> {
    let at = statfs(path)?;
    #[expect(clippy::cast_sign_loss, reason = "a magic number, signed on some architectures only")]
    Ok(at.f_type as u64 == BPF_FS_MAGIC)
}

/// The calling thread's network namespace as a number that is never used again (`SO_NETNS_COOKIE`, Linux
/// 5.14; an inode number can be).
fn namespace_cookie() -> io::Result<u64> {
    let any = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    let mut cookie = 0_u64;
    let mut length = libc::socklen_t::try_from(size_of_val(&cookie)).map_err(io::Error::other)?;
    // SAFETY: the option fills a u64, and both pointers live until the call returns.
    let result = unsafe {
        libc::getsockopt(
            any.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    if result == 0 { Ok(cookie) } else { Err(io::Error::last_os_error()) }
}
