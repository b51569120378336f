//! What a process must be allowed to do.

use rustix::thread::{CapabilitySet, capabilities};

use super::CutError;

/// The capabilities that netsplit needs (capabilities(7)), and why.
const NEEDED: [(CapabilitySet, &str); 4] = [
    // Attach programs, change qdiscs.
    (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"),
    // Load programs, make maps.
    (CapabilitySet::BPF, "CAP_BPF"),
    // Loops and packet arithmetic in programs.
    (CapabilitySet::PERFMON, "CAP_PERFMON"),
    // Enter namespaces, mount bpffs.
    (CapabilitySet::SYS_ADMIN, "CAP_SYS_ADMIN"),
];

/// The capabilities that this thread lacks.
pub fn missing_capabilities() -> Vec<&'static str> {
    let effective = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    NEEDED.iter().filter(|(bit, _)| !effective.contains(*bit)).map(|(_, name)| *name).collect()
}

/// Refuses to go on without them.
pub(super) fn check_privilege() -> Result<(), CutError> {
    let missing = missing_capabilities();
    if missing.is_empty() { Ok(()) } else { Err(CutError::Privilege(missing)) }
}
