//! What can go wrong between user space and the datapath.

use std::{io, path::PathBuf};

use aya::{
    EbpfError,
    maps::MapError,
    pin::PinError,
    programs::{ProgramError, links::LinkError},
};

use super::HoldError;
use crate::backend::{Busy, InterfaceError};

/// What failed, with the kernel's word behind it.
#[derive(Debug, thiserror::Error)]
pub enum DatapathError {
    /// bpffs is not there and could not be mounted.
    #[error("bpffs cannot be mounted at {path}; as root: `mount -t bpf bpf {path}`")]
    Bpffs {
        /// Where it belongs.
        path: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// A pin could not be made, read or removed.
    #[error("{path} on bpffs cannot be {verb}")]
    Pin {
        /// The pin.
        path: PathBuf,
        /// `read`, `created`, `removed`, ….
        verb: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// aya could not pin something.
    #[error("{path} cannot be pinned on bpffs")]
    AyaPin {
        /// The pin.
        path: PathBuf,
        /// aya's word.
        source: PinError,
    },
    /// Another controller holds the lock, and does not let go.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Whoever ended everything did not wait for this process.
    #[error("everything was ended by `netsplit revert --all` meanwhile, this cut too; try again")]
    Overtaken,
    /// The kernel's programs could not be listed.
    #[error(
        "the kernel does not list its eBPF programs and maps, so what is left of netsplit's is not known"
    )]
    List(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A link could not be detached.
    #[error(
        "the link {id} of the eBPF program `{program}` cannot be detached; `bpftool link detach id {id}` may"
    )]
    Detach {
        /// The link's id.
        id: u32,
        /// The program's name.
        program: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The namespace has no identity.
    #[error("the network namespace's cookie cannot be read; netsplit needs Linux 5.14 or later")]
    NamespaceId(#[source] io::Error),
    /// The object could not be loaded.
    #[error("the eBPF programs cannot be loaded; `netsplit doctor` says what this kernel lacks")]
    Load(#[source] Box<EbpfError>),
    /// A program was refused.
    #[error("the eBPF program `{program}` cannot be loaded; `netsplit doctor` says what this kernel lacks")]
    Program {
        /// Its name.
        program: &'static str,
        /// The verifier's word.
        source: Box<ProgramError>,
    },
    /// A program could not be asked about a frame.
    #[error("the eBPF program `{program}` cannot be asked about a frame")]
    TestRun {
        /// Its name.
        program: &'static str,
        /// The kernel's word.
        source: io::Error,
    },
    /// The embedded object lacks something.
    #[error("the embedded eBPF object has no {0}; it is stale: run `cargo xtask build-ebpf` and build again")]
    Missing(&'static str),
    /// A map refused.
    #[error(
        "the map `{map}` cannot be {verb}; if its pins were deleted, `netsplit revert --all` clears the rest"
    )]
    Map {
        /// Its name.
        map: &'static str,
        /// `read` or `written`.
        verb: &'static str,
        /// The kernel's word.
        source: MapError,
    },
    /// The datapath belongs to another netsplit.
    #[error(
        "this namespace runs the datapath of another netsplit (ABI {found}, this one speaks {ours}); end its \
         cuts with that version, or with `netsplit revert --all`"
    )]
    Version {
        /// What the datapath says.
        found: u32,
        /// What this binary was built with.
        ours: u32,
    },
    /// A program could not be attached.
    #[error("{program} cannot be attached to interface {interface}")]
    Attach {
        /// Which program.
        program: &'static str,
        /// Where.
        interface: String,
        /// The kernel's word.
        source: Box<ProgramError>,
    },
    /// A clsact qdisc could not be made or removed.
    #[error("the clsact qdisc of interface {interface} cannot be {verb}")]
    Clsact {
        /// Where.
        interface: String,
        /// `created` or `removed`.
        verb: &'static str,
        /// The kernel's word.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A link could not be read back.
    #[error("the link {path} cannot be read")]
    Link {
        /// The pin.
        path: PathBuf,
        /// aya's word.
        source: LinkError,
    },
    /// Packets that are to be delayed find nobody who holds them.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// The interfaces could not be listed.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// The journal is not what this netsplit writes.
    #[error("the journal of cuts cannot be read; `netsplit revert --all` ends every cut and clears it")]
    Journal(#[source] serde_json::Error),
    /// The journal does not fit.
    #[error("the journal of cuts would take {bytes} bytes and has room for {limit}; use shorter peer lists")]
    JournalFull {
        /// What it would take.
        bytes: usize,
        /// What there is.
        limit: usize,
    },
}
