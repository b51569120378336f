//! Whose turn it is in a network namespace.
//!
//! The lock lies on the namespace itself (flock(2) on its file, which is one and the same for everybody however they
//! came by it). So it needs neither bpffs nor a folder, holds across mount namespaces, and leaves nothing behind.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use super::NftError;

/// Held while the tables of namespaces are changed; other controllers wait. Ends with the process.
#[derive(Debug)]
pub(super) struct Lock {
    _files: Vec<File>,
}

impl Lock {
    /// Waits for its turn in all of these namespaces. Always in the same order, so that no two controllers wait for
    /// each other.
    pub(super) fn exclusive(files: impl IntoIterator<Item = PathBuf>) -> Result<Self, NftError> {
        let mut by_id = BTreeMap::new();
        for file in files {
            let (id, file) = open(&file).map_err(NftError::Lock)?;
            by_id.insert(id, file);
        }
        let files: Vec<_> = by_id.into_values().collect();
        for file in &files {
            flock(file.as_fd(), FlockOperation::LockExclusive)
                .map_err(|errno| NftError::Lock(errno.into()))?;
        }
        Ok(Self { _files: files })
    }
}

fn open(path: &Path) -> io::Result<((u64, u64), File)> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    Ok(((about.dev(), about.ino()), file))
}

#[cfg(test)]
mod tests {
    use rustix::fs::FlockOperation::NonBlockingLockExclusive;

    use super::*;

    #[test]
    fn a_namespace_is_one_controllers_at_a_time_however_it_is_named() {
        let names = ["/proc/self/ns/net", "/proc/thread-self/ns/net"].map(PathBuf::from);
        let held = Lock::exclusive(names.clone()).unwrap();
        let (_, other) = open(&names[1]).unwrap();
        assert!(flock(other.as_fd(), NonBlockingLockExclusive).is_err());
        drop(held);
        flock(other.as_fd(), NonBlockingLockExclusive).unwrap();
    }
}
