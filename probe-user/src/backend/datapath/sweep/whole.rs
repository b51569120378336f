//! The sweep: links, filters, pins; then a look whether anything is left.
//!
//! To know a map it has to be opened. Linux (6.18) loses count of a program array that somebody opens while it goes, and
//! keeps it for good, empty. So maps are looked at when our programs are gone, or do not go.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use super::{
    super::{DatapathError, clsact, hold, pins::ROOT},
    layers, links,
    programs::{any_left, any_named, our_programs},
};
use crate::cluster::{namespace_files, within_file};

/// How long the kernel may take to free what nobody refers to any more.
const FREED_WITHIN: Duration = Duration::from_millis(300);

/// Takes everything of netsplit's out of the kernel that no pin within sight tells of.
///
/// Not for a single cut: it walks every link, every namespace and every mount namespace of this
/// machine. It needs no lock, since whoever holds it may never let go.
///
/// What cannot be found: a filter in a network namespace that neither a name nor a process leads to, and programs
/// that some process keeps open, which hang nowhere any more.
pub(crate) fn sweep() -> Result<(), DatapathError> {
    let_them_go();
    let programs = our_programs()?;
    let links = links::detach_all(&programs).map(|met| {
        for program in met {
            tracing::warn!(program, "detached where no pin told of it");
        }
    });
    let filters = sweep_filters(&programs.iter().map(|program| program.id).collect::<Vec<_>>());
    layers::clear_folder(Path::new(ROOT));
    let held = hold::sweep().map_err(DatapathError::from);
    // Also where nothing else tells of it: a controller that was killed early has left nothing but a folder.
    for mount in layers::clear() {
        tracing::warn!(bpffs = %mount.display(), "cleared where it was out of sight");
    }
    if !all_freed()? {
        tracing::warn!(
            "some program or map of netsplit's is still held by a process; it is attached nowhere"
        );
    }
    links.and(filters).and(held)
}

/// Takes the filters away that run these programs, in every namespace.
fn sweep_filters(programs: &[u32]) -> Result<(), DatapathError> {
    if programs.is_empty() {
        return Ok(());
    }
    let mut failed = None;
    for file in namespace_files() {
        match within_file(&file, || clsact::sweep(programs)) {
            Ok(Ok(0)) => {}
            Ok(Ok(filters)) => {
                tracing::warn!(namespace = %file.display(), filters, "taken away where no pin told of them");
            }
            Ok(Err(error)) => failed = failed.or(Some(error)),
            Err(error) => tracing::debug!(%error, namespace = %file.display(), "it went at this moment"),
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Gives the kernel time for what nobody refers to any more.
fn let_them_go() {
    let _ = gone_soon(|| Ok(any_named()));
}

/// Whether nothing of ours is left. The kernel frees programs and maps a moment after their last reference.
fn all_freed() -> Result<bool, DatapathError> {
    let_them_go();
    gone_soon(any_left)
}

/// Whether nothing is there any more, within the time that the kernel may take.
fn gone_soon(there: impl Fn() -> Result<bool, DatapathError>) -> Result<bool, DatapathError> {
    let deadline = Instant::now() + FREED_WITHIN;
    while there()? {
        if Instant::now() > deadline {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(true)
}
