//! Apply and revert.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::CutStatus;
use crate::{clock::BootInstant, policy::Plan};

/// The lease of a cut that names none.
pub const DEFAULT_LEASE: Duration = Duration::from_mins(10);

/// A cut's name, such as `c3f9a1`: what `netsplit revert` takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CutId(String);

impl fmt::Display for CutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What is asked of [`apply`].
#[derive(Clone, Debug)]
pub struct Request {
    /// Who is cut from whom.
    pub plan: Plan,
    /// How long the kernel enforces it at most.
    pub lease: Duration,
}

/// A cut in force.
#[derive(Clone, Debug)]
pub struct Cut {
    /// Its name.
    pub id: CutId,
    /// When the kernel stops enforcing it.
    pub deadline: BootInstant,
    /// Each node's part.
    pub nodes: Vec<CutStatus>,
}

/// Why a cut could not be made, read or ended.
#[derive(Debug, thiserror::Error)]
pub enum CutError {}

/// Puts a plan in force on all its nodes, or on none. Returns when packets are being judged by it.
pub fn apply(_request: &Request) -> Result<Cut, CutError> {
    todo!()
}

/// Takes one cut away from every node and says what its counters were at the end.
pub fn revert(_id: &CutId) -> Result<Vec<CutStatus>, CutError> {
    todo!()
}

/// Takes everything away that netsplit put into the kernel.
pub fn revert_all() -> Result<Vec<CutStatus>, CutError> {
    todo!()
}
