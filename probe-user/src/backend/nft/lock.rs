//! Whose turn it is in a network namespace.
//!
//! The lock lies on the namespace itself (flock(2) on its file, which is one and the same for everybody however they
//! came by it). So it needs neither bpffs nor a folder, holds across mount namespaces, and leaves nothing behind.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::NftError;
use crate::backend::lock::{Busy, PATIENCE, SHORT_PATIENCE, lock_within};

/// Held while the tables of namespaces are changed; other controllers wait. Ends with the process.
#[derive(Debug)]
pub(super) struct Lock {
    _files: Vec<File>,
}

impl Lock {
    /// Waits for its turn in all of these namespaces. Always in the same order, so that no two controllers wait for
    /// each other. A controller that was stopped keeps its lock, so the patience of others has an end.
    pub(super) fn exclusive(files: impl IntoIterator<Item = PathBuf>) -> Result<Self, NftError> {
        Self::within(PATIENCE, files)
    }

    /// For whoever ends everything, which must not depend on others: waits for a moment only.
    pub(super) fn soon(files: impl IntoIterator<Item = PathBuf>) -> Result<Self, NftError> {
        Self::within(SHORT_PATIENCE, files)
    }

    fn within(patience: Duration, files: impl IntoIterator<Item = PathBuf>) -> Result<Self, NftError> {
        let begun = Instant::now();
        let mut by_id = BTreeMap::new();
        for file in files {
            let (id, file) = open(&file).map_err(NftError::Lock)?;
            by_id.insert(id, file);
        }
        let mut locked = Vec::new();
        for ((_, inode), file) in by_id {
            let left = patience.saturating_sub(begun.elapsed());
            let file = lock_within(file, left).map_err(NftError::Lock)?;
            locked.push(file.ok_or_else(|| Busy::with("the namespace's rules", begun, inode))?);
        }
        Ok(Self { _files: locked })
    }
}

fn open(path: &Path) -> io::Result<((u64, u64), File)> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    Ok(((about.dev(), about.ino()), file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_one_controllers_at_a_time_however_it_is_named() {
        let names = ["/proc/self/ns/net", "/proc/thread-self/ns/net"].map(PathBuf::from);
        let held = Lock::exclusive(names.clone()).unwrap();
        let refused = Lock::within(Duration::ZERO, [names[1].clone()]).unwrap_err();
        let own = Some(std::process::id());
        assert!(matches!(refused, NftError::Busy(Busy { holder, .. }) if holder == own), "{refused:?}");
        drop(held);
        Lock::exclusive(names).unwrap();
    }
}
