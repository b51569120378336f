//! Revert: one cut, or everything.

use super::{CutError, CutId, CutStatus, privilege::check_privilege};
use crate::{
    backend::{ENFORCERS, Enforcer, Site},
    cluster::Target,
};

/// Takes one cut away from every node and says what its counters were at the end.
pub fn revert(id: &CutId) -> Result<Vec<CutStatus>, CutError> {
    check_privilege()?;
    let mut ended = Vec::new();
    let mut failed = None;
    for enforcer in busy() {
        let turn = enforcer.turn(&[])?;
        for mut site in turn.sites()? {
            // A node that resists must not keep the others cut.
            match site.revert(id) {
                Ok(status) => ended.extend(status),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        // One enforcer has all of a cut.
        if !ended.is_empty() {
            break;
        }
    }
    match failed {
        Some(error) => Err(error),
        None if ended.is_empty() => Err(CutError::NoSuchCut(id.clone())),
        None => Ok(ended),
    }
}

/// Takes everything away that netsplit put into the kernel, whatever state it is in, and says what it was.
pub fn revert_all() -> Result<Vec<CutStatus>, CutError> {
    remove_sites(|_| true)
}

/// Takes everything away that netsplit put into these network namespaces, and says what it was. For whoever is
/// about to remove them.
pub fn revert_targets(targets: &[Target]) -> Result<Vec<CutStatus>, CutError> {
    // Nothing to do must need nothing: no capability, no bpffs.
    if busy().next().is_none() {
        return Ok(Vec::new());
    }
    // One that cannot be read is not known to be theirs.
    remove_sites(|site| site.target().is_some_and(|target| targets.contains(&target)))
}

fn remove_sites(wanted: impl Fn(&dyn Site) -> bool) -> Result<Vec<CutStatus>, CutError> {
    check_privilege()?;
    let mut ended = Vec::new();
    let mut failed = None;
    for enforcer in busy() {
        let turn = match enforcer.turn(&[]) {
            Ok(turn) => turn,
            Err(error) => {
                failed = failed.or(Some(error));
                continue;
            }
        };
        for site in turn.sites()?.into_iter().filter(|site| wanted(site.as_ref())) {
            match site.status() {
                Ok(status) => ended.extend(status),
                Err(error) => tracing::debug!(%error, "a site could not be read; it is removed all the same"),
            }
            // One that resists must not save the others.
            if let Err(error) = site.remove() {
                failed = failed.or(Some(error));
            }
        }
    }
    failed.map_or(Ok(ended), Err)
}

fn busy() -> impl Iterator<Item = &'static dyn Enforcer> {
    ENFORCERS.into_iter().filter(|enforcer| !enforcer.is_idle())
}
