//! Why an action failed.

use std::process::ExitStatus;

use crate::{
    cluster::{NamespaceError, ProcessError},
    lab::LabError,
};

/// Why an action failed.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The place could not be entered.
    #[error(transparent)]
    Place(#[from] NamespaceError),
    /// A server's process could not be had.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The lab could not do it.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// Nobody plays the part that the scenario names, or nobody has that name.
    #[error("{0}")]
    Nobody(String),
    /// It cannot be done to this node.
    #[error("{0}")]
    Impossible(String),
    /// The program could not be started.
    #[error("`{command}` cannot be started")]
    Start {
        /// The command.
        command: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ended, and not well.
    #[error("`{command}` failed ({status}): {said}")]
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// Its last words on stderr.
        said: String,
    },
    /// It took too long, and was given up.
    #[error("{what} within {seconds:.0} s")]
    TimedOut {
        /// What did not happen, such as `Patroni on pg1 did not end`.
        what: String,
        /// The bound.
        seconds: f64,
    },
    /// Somebody asked the run to stop.
    #[error("the run was interrupted")]
    Interrupted,
}
