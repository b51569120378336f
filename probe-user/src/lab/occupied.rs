//! One run at a time on a lab: two would cut, heal and judge each other.

use std::fs::File;

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::{Lab, LabError};

/// The right to act on a lab. It ends with the drop, or with the process, however that ends: it is a lock (flock(2))
/// on the lab's state folder.
#[derive(Debug)]
pub struct Occupied(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Lab {
    /// Takes the lab for one run; [`LabError::Occupied`] while another run has it.
    pub fn occupy(&self) -> Result<Occupied, LabError> {
        let root = self.layout().root();
        let folder = File::open(&root).map_err(LabError::file("open", &root))?;
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Occupied(folder)),
            Err(Errno::WOULDBLOCK) => Err(LabError::Occupied(self.layout().name().clone())),
            Err(error) => Err(LabError::file("lock", &root)(error.into())),
        }
    }
}
