//! Revert: one cut, or everything.

use super::{CutError, CutId, CutStatus, privilege::check_privilege};
use crate::{
    backend::{ENFORCERS, Enforcer, Site, remove_sites},
    causes::in_a_line,
    cluster::Target,
};

/// Takes one cut away from every node and says what its counters were at the end.
pub fn revert(id: &CutId) -> Result<Vec<CutStatus>, CutError> {
    check_privilege()?;
    let mut ended = Vec::new();
    let mut failed = None;
    let mut unread = None;
    for enforcer in busy() {
        let turn = enforcer.turn(&[])?;
        for mut site in turn.sites()? {
            // A node that resists must not keep the others cut.
            match site.holds(id) {
                Ok(false) => {}
                Ok(true) => match site.revert(id) {
                    Ok(status) => ended.extend(status),
                    Err(error) => failed = failed.or(Some(error)),
                },
                // Another netsplit's, or with pins deleted by hand: it may hold the cut or not.
                Err(error) => unread = unread.or(Some(error)),
            }
        }
        // One enforcer has all of a cut.
        if !ended.is_empty() {
            break;
        }
    }
    match (failed, unread) {
        (Some(error), _) => Err(error),
        (None, Some(error)) if ended.is_empty() => Err(error),
        (None, None) if ended.is_empty() => Err(CutError::NoSuchCut(id.clone())),
        (None, unread) => {
            if let Some(error) = unread {
                tracing::warn!(error = in_a_line(&error), "a datapath cannot be read, and was left alone");
            }
            Ok(ended)
        }
    }
}

/// Takes everything away that netsplit put into the kernel, whatever state it is in, and says what it was.
///
/// What pins tell of goes first. Then the kernel itself is asked for what they do not tell of: it may be that the
/// pins are lost, hidden or half gone. Nothing keeps it from going on to the end.
pub fn revert_all() -> Result<Vec<CutStatus>, CutError> {
    check_privilege()?;
    let mut ended = Vec::new();
    let mut failed = None;
    // Also those that seem idle: what the pins do not tell of may be there all the same.
    for enforcer in ENFORCERS {
        match enforcer.clear() {
            Ok(status) => ended.extend(status),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(ended), Err)
}

/// Takes everything away that netsplit put into these network namespaces, and says what it was. For whoever is
/// about to remove them.
pub fn revert_targets(targets: &[Target]) -> Result<Vec<CutStatus>, CutError> {
    // Nothing to do must need nothing: no capability, no bpffs.
    let busy: Vec<_> = busy().collect();
    if busy.is_empty() {
        return Ok(Vec::new());
    }
    check_privilege()?;
    let mut ended = Vec::new();
    let mut failed = None;
    // One that cannot be read is not known to be theirs.
    let theirs = |site: &dyn Site| site.target().is_some_and(|target| targets.contains(&target));
    for enforcer in busy {
        match enforcer.turn(&[]).and_then(|turn| remove_sites(turn.as_ref(), theirs)) {
            Ok(status) => ended.extend(status),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(ended), Err)
}

/// The enforcers that enforce anything on this machine.
pub(super) fn busy() -> impl Iterator<Item = &'static dyn Enforcer> {
    ENFORCERS.into_iter().filter(|enforcer| !enforcer.is_idle())
}
