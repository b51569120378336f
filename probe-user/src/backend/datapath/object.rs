//! The embedded object: loaded once a namespace, and pinned.

use aya::{
    EbpfLoader,
    programs::{ProgramInfo, SchedClassifier, Xdp},
};
use probe_ebpf::abi::{ABI_VERSION, Control};

use super::{DatapathError, Pins, banks};

/// The programs, as `cargo xtask build-ebpf` made them; the object is committed so that an ordinary build
/// needs no eBPF toolchain.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../../probe-ebpf/netsplit.bpf.o");

pub(super) const XDP: &str = "ingress_xdp";
pub(super) const TC_INGRESS: &str = "ingress_tc";
pub(super) const TC_EGRESS: &str = "egress_tc";

pub(super) const MAPS: [&str; 8] =
    ["CONTROL", "RULESETS", "PEERS", "INTERFACES", "COUNTERS", "OBSERVED", "HITS", "JOURNAL"];

/// aya-log's ring buffer; there only if the programs log.
pub(super) const LOGS: &str = "AYA_LOGS";

/// The bytes of the embedded object.
pub fn object() -> &'static [u8] {
    OBJECT
}

/// The programs' names in the object.
pub fn program_names() -> [&'static str; 3] {
    [XDP, TC_INGRESS, TC_EGRESS]
}

/// Whether the programs log each hit through aya-log: `NETSPLIT_DATAPATH_LOG=1` at load time. Off, the
/// verifier removes the log statements.
fn log_level() -> u8 {
    const OFF: u8 = 0;
    const DEBUG: u8 = 4;
    if std::env::var_os("NETSPLIT_DATAPATH_LOG").is_some() { DEBUG } else { OFF }
}

/// Loads the programs and pins everything. The seal comes last.
pub(super) fn load(pins: &Pins) -> Result<(), DatapathError> {
    pins.create()?;
    let level = log_level();
    let mut loaded = EbpfLoader::new()
        .override_global("AYA_LOG_LEVEL", &level, false)
        .load(OBJECT)
        .map_err(|source| DatapathError::Load(Box::new(source)))?;
    for name in MAPS {
        let map = loaded.map(name).ok_or(DatapathError::Missing(name))?;
        let path = pins.path(name);
        map.pin(&path).map_err(|source| DatapathError::AyaPin { path, source })?;
    }
    if level > 0
        && let Some(map) = loaded.map(LOGS)
    {
        let path = pins.path(LOGS);
        map.pin(&path).map_err(|source| DatapathError::AyaPin { path, source })?;
    }
    for name in program_names() {
        let program = loaded.program_mut(name).ok_or(DatapathError::Missing(name))?;
        let refused = |source| DatapathError::Program { program: name, source: Box::new(source) };
        if name == XDP {
            let program: &mut Xdp = program.try_into().map_err(refused)?;
            program.load().map_err(refused)?;
        } else {
            let program: &mut SchedClassifier = program.try_into().map_err(refused)?;
            program.load().map_err(refused)?;
        }
        let path = pins.path(name);
        program.pin(&path).map_err(|source| DatapathError::AyaPin { path, source })?;
    }
    banks::set_control(pins, Control { version: ABI_VERSION, ..Control::default() })?;
    pins.seal()
}

pub(super) fn program_id(pins: &Pins, name: &'static str) -> Result<u32, DatapathError> {
    let info = ProgramInfo::from_pin(pins.path(name))
        .map_err(|source| DatapathError::Program { program: name, source: Box::new(source) })?;
    Ok(info.id())
}
