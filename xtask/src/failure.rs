//! Why a verb ended badly, and the exit code that says so: the same codes as netsplit's.

use std::{fmt::Display, io, process::ExitCode};

/// Why a verb ended badly.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Something did not do what it should: exit code 1.
    #[error("xtask: {0}")]
    Failed(String),
    /// This host lacks something: exit code 3.
    #[error("xtask: {0}")]
    HostCannot(String),
    /// A program ended with a code of its own that is passed on.
    #[error("xtask: {program} ended with {code}")]
    Ended {
        /// The program.
        program: String,
        /// Its exit code.
        code: u8,
    },
    /// Ctrl-C or SIGTERM: exit code 130.
    #[error("xtask: interrupted")]
    Interrupted,
}

impl Failure {
    /// A failure to do something with a file or a program.
    pub(crate) fn io(what: impl Display) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Failed(format!("{what}: {error}"))
    }

    /// What the shell sees.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::HostCannot(_) => 3,
            Self::Ended { code, .. } => *code,
            Self::Interrupted => 130,
        })
    }
}
