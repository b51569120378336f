//! Why a cut could not be made, read or ended.

use crate::{
    backend::{CompileError, NftError, Refusal, datapath::DatapathError},
    cluster::{NamespaceError, Protected, Target},
};

use super::{CutId, SocketError};

/// What failed, where, and the way out.
#[derive(Debug, thiserror::Error)]
pub enum CutError {
    /// The process may not.
    #[error(
        "netsplit lacks {}: run it as root, or give them to it with `setcap {}=ep $(command -v netsplit)`",
        .0.join(", "), .0.join(",").to_lowercase()
    )]
    Privilege(Vec<&'static str>),
    /// A namespace could not be entered.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// A rule cannot be honoured.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A rule names an interface that is not there.
    #[error("rule {rule} names interface `{interface}`, and {target} has {}", .present.join(", "))]
    NoSuchInterface {
        /// The rule's place in the policy, from 1.
        rule: usize,
        /// The name.
        interface: String,
        /// Where.
        target: Target,
        /// The interfaces there.
        present: Vec<String>,
    },
    /// A rule has no interface to hold on.
    #[error(
        "rule {rule} has no interface to cut on: none in {target} is up; bring one up, or name it with \
         `interfaces`"
    )]
    NoInterfaceUp {
        /// The rule's place in the policy, from 1.
        rule: usize,
        /// Where.
        target: Target,
    },
    /// The rules do not fit.
    #[error("the cut does not fit into {target}")]
    Compile {
        /// Where.
        target: Target,
        /// What does not fit.
        source: CompileError,
    },
    /// All counters are taken.
    #[error("{0} holds as many rules as it can; revert a cut first: `netsplit status` lists them")]
    NoCounter(Target),
    /// The plan names two nodes in one namespace.
    #[error("the plan names {0} twice; one namespace is one node")]
    TwiceTheSame(Target),
    /// It would end the session that the command came by.
    #[error(
        "rule {rule} would cut the SSH session that this command came by, `{packet}`; leave its port or its \
         peer out, or say --cut-own-session"
    )]
    OwnSession {
        /// The rule's place in the policy, from 1.
        rule: usize,
        /// A packet of the session that the rule decides.
        packet: String,
    },
    /// It would cut a protected address.
    #[error(
        "rule {rule} would cut the protected address {address}: `{packet}`; leave its port or its peer out, or say \
         --cut-protected"
    )]
    Protected {
        /// The rule's place in the policy, from 1.
        rule: usize,
        /// The entry that protects it.
        address: Protected,
        /// A packet that the rule decides.
        packet: String,
    },
    /// It would close sockets, and the kernel does not.
    #[error(
        "rule {rule} closes open sockets, and {target} cannot: leave `close_sockets` out of it, and connections stay \
         half-open instead"
    )]
    CannotClose {
        /// The rule's place in the policy, from 1.
        rule: usize,
        /// Where.
        target: Target,
        /// Why.
        source: SocketError,
    },
    /// Sockets could not be closed.
    #[error("the open sockets of {target} could not be closed, so the cut was taken away again")]
    Sockets {
        /// Where.
        target: Target,
        /// What failed.
        source: Box<SocketError>,
    },
    /// The kernel's side failed.
    #[error("the datapath of {target} failed")]
    Datapath {
        /// Where.
        target: Target,
        /// What failed.
        source: Box<DatapathError>,
    },
    /// nft's side failed.
    #[error("the nft table of {target} failed")]
    Nft {
        /// Where.
        target: Target,
        /// What failed.
        source: Box<NftError>,
    },
    /// No such cut.
    #[error("no cut {0} is in force; `netsplit status` lists the cuts")]
    NoSuchCut(CutId),
}

impl CutError {
    /// Whether the host, rather than the request, is at fault.
    pub fn is_hosts_fault(&self) -> bool {
        matches!(
            self,
            Self::Privilege(_)
                | Self::Namespace(_)
                | Self::CannotClose { .. }
                | Self::Sockets { .. }
                | Self::Datapath { .. }
                | Self::Nft { .. }
        )
    }

    pub(crate) fn at(target: &Target) -> impl Fn(DatapathError) -> Self {
        let target = target.clone();
        move |source| Self::Datapath { target: target.clone(), source: Box::new(source) }
    }
}

impl From<DatapathError> for CutError {
    fn from(source: DatapathError) -> Self {
        Self::Datapath { target: Target::Local, source: Box::new(source) }
    }
}
