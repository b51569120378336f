//! What can go wrong between user space and nft.

use std::io;

use crate::backend::{Busy, InterfaceError};

/// What failed, with nft's word behind it.
#[derive(Debug, thiserror::Error)]
pub enum NftError {
    /// There is no `nft`.
    #[error("there is no `nft` to be run; install the package nftables, or use `--backend tc`")]
    NotThere(#[source] io::Error),
    /// nft could not be run.
    #[error("`nft` cannot be run")]
    Run(#[source] io::Error),
    /// nft refused.
    #[error("nft could not {doing}: {said}")]
    Refused {
        /// What it was to do.
        doing: &'static str,
        /// Its complaint in one line.
        said: String,
    },
    /// nft's list is not what it used to be.
    #[error("nft's list cannot be read")]
    List(#[source] serde_json::Error),
    /// The namespace could not be locked.
    #[error("the network namespace cannot be locked")]
    Lock(#[source] io::Error),
    /// Another controller holds the lock, and does not let go.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Whoever ended everything did not wait for this process.
    #[error("the namespace's rules were changed meanwhile, as `netsplit revert --all` does; try again")]
    Overtaken(#[source] Box<NftError>),
    /// The interfaces could not be listed.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// The journal is not what this netsplit writes.
    #[error("the journal of a cut is not what this netsplit writes")]
    Journal(#[source] serde_json::Error),
    /// The journal lacks a piece.
    #[error("the journal of a cut lacks a piece")]
    JournalPieces,
    /// Another netsplit's cuts are in force.
    #[error(
        "the namespace holds cuts of another netsplit, and changing its rules would end them; end them with that version, \
         or with `netsplit revert --all`"
    )]
    Strangers,
}
