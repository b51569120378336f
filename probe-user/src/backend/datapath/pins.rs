//! Where things lie on bpffs, and who may touch them.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock, statfs},
    mount::{MountFlags, mount},
    net::{AddressFamily, SocketType, socket},
};

use super::DatapathError;

const BPFFS: &str = "/sys/fs/bpf";
const ROOT: &str = "/sys/fs/bpf/netsplit";

/// `BPF_FS_MAGIC` of `linux/magic.h`.
const BPF_FS_MAGIC: u64 = 0xcafe_4a11;

/// The pin that is made last: a folder without it is half-made.
const SEAL: &str = "sealed";

/// Held while the datapaths of this machine are changed; other controllers wait. Ends with the process.
#[derive(Debug)]
pub struct Lock {
    _folder: File,
}

impl Lock {
    /// Waits for its turn. Mounts bpffs and makes the folder if need be.
    pub fn exclusive() -> Result<Self, DatapathError> {
        ensure_bpffs()?;
        loop {
            if let Some(folder) =
                lock_root().map_err(|source| pin_error(Path::new(ROOT), "locked", source))?
            {
                return Ok(Self { _folder: folder });
            }
        }
    }
}

/// The locked folder, or nothing if whoever held it before took it away meanwhile.
fn lock_root() -> io::Result<Option<File>> {
    fs::create_dir_all(ROOT)?;
    let folder = match File::open(ROOT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    flock(folder.as_fd(), FlockOperation::LockExclusive)?;
    // A lock on a folder that has no name any more keeps nobody out.
    match fs::metadata(ROOT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(named) => Ok((named.ino() == folder.metadata()?.ino()).then_some(folder)),
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
        let mut all = entries
            .map(|entry| entry.map(|entry| Self { folder: entry.path() }))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| pin_error(Path::new(ROOT), "read", source))?;
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
    if is_bpffs().map_err(failed)? {
        return Ok(());
    }
    // A second mount on top of the first would hide what is pinned there: one controller at a time.
    let below = File::open(BPFFS).map_err(failed)?;
    flock(below.as_fd(), FlockOperation::LockExclusive).map_err(|errno| failed(errno.into()))?;
    if is_bpffs().map_err(failed)? {
        return Ok(());
    }
    mount("bpf", BPFFS, "bpf", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None)
        .map_err(|errno| failed(errno.into()))
}

fn is_bpffs() -> io::Result<bool> {
    let at = statfs(BPFFS)?;
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
