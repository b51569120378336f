//! Revert: one cut, or everything.

use super::{
    CutError, CutId, CutStatus, apply::compile_journal, privilege::check_privilege, status::node_status,
};
use crate::{
    backend::datapath::{Datapath, DatapathError, Lock, remove_root_if_empty, sweep},
    causes::in_a_line,
    clock::BootInstant,
    cluster::Target,
};

/// Takes one cut away from every node and says what its counters were at the end.
pub fn revert(id: &CutId) -> Result<Vec<CutStatus>, CutError> {
    check_privilege()?;
    let lock = Lock::exclusive()?;
    let mut ended = Vec::new();
    let mut failed = None;
    let mut unread = None;
    for datapath in Datapath::all()? {
        // Another netsplit's, or with pins deleted by hand: it may hold the cut or not.
        if let Err(error) = datapath.journal()
            && datapath.is_whole()
        {
            unread = unread.or(Some(error));
            continue;
        }
        // A node that resists must not keep the others cut.
        match revert_on(&lock, datapath, id) {
            Ok(status) => ended.extend(status),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    remove_root_if_empty(&lock);
    match (failed, unread) {
        (Some(error), _) => Err(error),
        (None, Some(error)) if ended.is_empty() => Err(error.into()),
        (None, None) if ended.is_empty() => Err(CutError::NoSuchCut(id.clone())),
        (None, unread) => {
            if let Some(error) = unread {
                tracing::warn!(error = in_a_line(&error), "a datapath cannot be read, and was left alone");
            }
            Ok(ended)
        }
    }
}

/// Takes one cut away from one node.
fn revert_on(lock: &Lock, datapath: Datapath, id: &CutId) -> Result<Option<CutStatus>, CutError> {
    let whole = datapath.is_whole();
    let mut journal = match datapath.journal() {
        // Half-made or half-gone: it cuts nobody off.
        Err(_) if !whole => return Ok(None),
        other => other?,
    };
    if !journal.cuts.iter().any(|cut| cut.id == *id) {
        return Ok(None);
    }
    let target = datapath.installation()?.target.unwrap_or(Target::Local);
    let at = CutError::at(&target);
    let status = node_status(&datapath).map_err(&at)?;
    journal.cuts.retain(|cut| cut.id != *id);
    journal.forget_expired(BootInstant::now());
    // One that is not whole was being removed, since no cut was to be left in it.
    if journal.cuts.is_empty() || !whole {
        // Packets pass from the first detached program on; the counters were read before.
        datapath.remove().map_err(&at)?;
    } else {
        let tables = compile_journal(&target, &journal)?;
        datapath.stage(lock, &tables, &journal).map_err(&at)?;
        datapath.commit(lock).map_err(&at)?;
    }
    Ok(status.into_iter().find(|cut| cut.id == *id))
}

/// Takes everything away that netsplit put into the kernel, whatever state it is in, and says what it was.
///
/// What pins tell of goes first. Then the kernel itself is asked for what they do not tell of: it may be that the
/// pins are lost, hidden or half gone. Nothing keeps it from going on to the end.
pub fn revert_all() -> Result<Vec<CutStatus>, CutError> {
    check_privilege()?;
    // Without the lock, too: a controller that was stopped with it in its hands would keep every cut in force.
    let lock = Lock::soon().inspect_err(|error| {
        tracing::warn!(error = in_a_line(error), "not waiting for it; everything ends all the same");
    });
    let mut ended = Vec::new();
    let mut failed = None;
    let all = Datapath::all().unwrap_or_else(|error| {
        tracing::debug!(%error, "no pin can be read");
        Vec::new()
    });
    for datapath in all {
        match node_status(&datapath) {
            Ok(status) => ended.extend(status),
            Err(error) => tracing::debug!(%error, "a datapath could not be read; it is removed all the same"),
        }
        // One that resists must not save the others.
        if let Err(error) = datapath.remove() {
            tracing::debug!(error = in_a_line(&error), "a datapath resists; the sweep tries again");
            failed = failed.or(Some(error));
        }
    }
    let swept = sweep();
    drop(lock);
    match (swept, failed) {
        // A qdisc is all that the sweep does not try again.
        (Ok(()), Some(error @ DatapathError::Clsact { .. })) | (Err(_), Some(error)) | (Err(error), None) => {
            Err(error.into())
        }
        (Ok(()), _) => Ok(ended),
    }
}

/// Takes everything away that netsplit put into these network namespaces, and says what it was. For whoever is
/// about to remove them.
pub fn revert_targets(targets: &[Target]) -> Result<Vec<CutStatus>, CutError> {
    // Nothing to do must need nothing: no capability, no bpffs.
    if Datapath::all()?.is_empty() {
        return Ok(Vec::new());
    }
    check_privilege()?;
    let lock = Lock::exclusive()?;
    let mut ended = Vec::new();
    let mut failed = None;
    for datapath in Datapath::all()? {
        // One that cannot be read is not known to be theirs.
        let Ok(Some(target)) = datapath.installation().map(|installed| installed.target) else { continue };
        if !targets.contains(&target) {
            continue;
        }
        match node_status(&datapath) {
            Ok(status) => ended.extend(status),
            Err(error) => tracing::debug!(%error, "a datapath could not be read; it is removed all the same"),
        }
        if let Err(error) = datapath.remove() {
            failed = failed.or(Some(CutError::at(&target)(error)));
        }
    }
    remove_root_if_empty(&lock);
    failed.map_or(Ok(ended), Err)
}
