//! The embedded object: its maps made once a namespace, its programs loaded when something asks for them, and all
//! of it pinned.
//!
//! Most of what an `apply` takes is the verifier's time, and most cuts need one program.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Map, MapData, ProgramArray},
    programs::{ProgramFd, ProgramInfo, SchedClassifier, Xdp},
};
use probe_ebpf::abi::{ABI_VERSION, Action, Control, Hook, NARROWED};

use super::{DatapathError, Pins, banks};

/// The programs, as `cargo xtask build-ebpf` made them; the object is committed so that an ordinary build
/// needs no eBPF toolchain.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../../probe-ebpf/netsplit.bpf.o");

pub(super) const XDP: &str = "netsplit_xdp";
pub(super) const TC_INGRESS: &str = "netsplit_in";
pub(super) const TC_EGRESS: &str = "netsplit_out";

pub(super) const MAPS: [&str; 16] = [
    "CONTROL",
    "RULESETS",
    "PEERS",
    "INTERFACES",
    "COUNTERS",
    "OBSERVED",
    "HITS",
    "JOURNAL",
    "FLOWS",
    "STATES",
    // What is parked for the program that goes on with a packet.
    "PARKED",
    "LANES",
    "ORIGINS",
    "HELD_UNTIL",
    XDP_ACTIONS,
    TC_ACTIONS,
];

/// Which program carries an action out, by the action's number.
const XDP_ACTIONS: &str = "XDP_ACTIONS";
const TC_ACTIONS: &str = "TC_ACTIONS";

/// aya-log's ring buffer; there only if the programs log.
pub(super) const LOGS: &str = "AYA_LOGS";

/// The bytes of the embedded object.
pub fn object() -> &'static [u8] {
    OBJECT
}

/// The names, in the object, of the programs that are attached to interfaces.
pub fn program_names() -> [&'static str; 3] {
    [XDP, TC_INGRESS, TC_EGRESS]
}

/// What a program that judges packets may hand them over for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// To have an action carried out.
    Act(Hook, Action),
    /// To have narrowed rules looked at.
    Narrow(Hook),
}

impl Task {
    /// The program that does it; `None` where the one that judged does it itself, or where the hook cannot.
    const fn program(self) -> Option<&'static str> {
        match self {
            Self::Act(Hook::Xdp, Action::Reject) => Some("xdp_reject"),
            Self::Act(Hook::Xdp, Action::Reset) => Some("xdp_reset"),
            Self::Act(Hook::Tc, Action::Reject) => Some("tc_reject"),
            Self::Act(Hook::Tc, Action::Reset) => Some("tc_reset"),
            Self::Act(Hook::Tc, Action::Duplicate) => Some("tc_duplicate"),
            Self::Act(Hook::Tc, Action::Corrupt) => Some("tc_corrupt"),
            Self::Act(Hook::Tc, Action::Delay) => Some("tc_delay"),
            Self::Act(_, Action::Drop)
            | Self::Act(Hook::Xdp, Action::Duplicate | Action::Corrupt | Action::Delay) => None,
            Self::Narrow(Hook::Xdp) => Some("xdp_narrowed"),
            Self::Narrow(Hook::Tc) => Some("tc_narrowed"),
        }
    }

    /// The array that the program stands in, and its place there.
    const fn place(self) -> (&'static str, u32) {
        let (hook, place) = match self {
            Self::Act(hook, action) => (hook, action as u32),
            Self::Narrow(hook) => (hook, NARROWED),
        };
        match hook {
            Hook::Xdp => (XDP_ACTIONS, place),
            Hook::Tc => (TC_ACTIONS, place),
        }
    }
}

/// Whether the programs log each hit through aya-log: `NETSPLIT_DATAPATH_LOG=1` at load time. Off, the
/// verifier removes the log statements.
fn log_level() -> &'static u8 {
    const OFF: u8 = 0;
    const DEBUG: u8 = 4;
    if std::env::var_os("NETSPLIT_DATAPATH_LOG").is_some() { &DEBUG } else { &OFF }
}

/// Makes and pins the maps. The seal comes last.
pub(super) fn create(pins: &Pins) -> Result<(), DatapathError> {
    pins.create()?;
    open(pins)?;
    banks::set_control(pins, Control { version: ABI_VERSION, ..Control::default() })?;
    pins.seal()
}

/// One for all datapaths: a loader begins by reading all of the kernel's types, though nothing in the object has to be
/// fitted to them, and that takes as long as everything else.
static LOADER: LazyLock<Mutex<EbpfLoader<'static>>> = LazyLock::new(|| {
    let mut loader = EbpfLoader::new();
    loader.btf(None);
    Mutex::new(loader)
});

/// The object over the pinned maps, of which those that are missing are made.
fn open(pins: &Pins) -> Result<Ebpf, DatapathError> {
    // Each use says all that it wants, so a panic in another one did no harm.
    let mut loader = LOADER.lock().unwrap_or_else(PoisonError::into_inner);
    let level = log_level();
    loader.override_global("AYA_LOG_LEVEL", level, false);
    for name in MAPS {
        loader.map_pin_path(name, pins.path(name));
    }
    if *level > 0 {
        loader.map_pin_path(LOGS, pins.path(LOGS));
    }
    loader.load(OBJECT).map_err(|source| DatapathError::Load(Box::new(source)))
}

/// Loads and pins those of the programs that are not there yet.
pub(super) fn ensure(pins: &Pins, names: &[&'static str]) -> Result<(), DatapathError> {
    let missing: Vec<_> = names.iter().copied().filter(|name| !pins.path(name).exists()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut object = open(pins)?;
    for name in missing {
        let program = object.program_mut(name).ok_or(DatapathError::Missing(name))?;
        let refused = |source| DatapathError::Program { program: name, source: Box::new(source) };
        if let Ok(program) = <&mut Xdp>::try_from(&mut *program) {
            program.load().map_err(refused)?;
        } else {
            let program: &mut SchedClassifier = program.try_into().map_err(refused)?;
            program.load().map_err(refused)?;
        }
        let path = pins.path(name);
        program.pin(&path).map_err(|source| DatapathError::AyaPin { path, source })?;
    }
    Ok(())
}

/// Readies what the programs that judge hand packets over to. Nothing is attached by that, and packets see no
/// difference.
pub(super) fn ready(pins: &Pins, tasks: &[Task]) -> Result<(), DatapathError> {
    let named: BTreeMap<_, _> = tasks.iter().filter_map(|task| Some((task.program()?, task))).collect();
    ensure(pins, &named.keys().copied().collect::<Vec<_>>())?;
    for (name, task) in named {
        let (map, place) = task.place();
        let failed = |source| DatapathError::Map { map, verb: "written", source };
        let data = MapData::from_pin(pins.path(map)).map_err(failed)?;
        let mut programs = ProgramArray::try_from(Map::ProgramArray(data)).map_err(failed)?;
        programs.set(place, &program_fd(pins, name)?, 0).map_err(failed)?;
    }
    Ok(())
}

fn info(pins: &Pins, name: &'static str) -> Result<ProgramInfo, DatapathError> {
    ProgramInfo::from_pin(pins.path(name))
        .map_err(|source| DatapathError::Program { program: name, source: Box::new(source) })
}

fn program_fd(pins: &Pins, name: &'static str) -> Result<ProgramFd, DatapathError> {
    info(pins, name)?
        .fd()
        .map_err(|source| DatapathError::Program { program: name, source: Box::new(source) })
}

/// The id of a program; `None` if nothing has asked for it yet.
pub(super) fn program_id(pins: &Pins, name: &'static str) -> Result<Option<u32>, DatapathError> {
    if pins.path(name).exists() { info(pins, name).map(|info| Some(info.id())) } else { Ok(None) }
}
