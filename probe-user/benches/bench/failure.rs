//! Why the bench could not go on.

use std::{error::Error, fmt::Display};

use netsplit::causes::in_a_line;

/// What failed, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(String);

impl Failure {
    /// Something that nothing else explains.
    pub(crate) fn new(what: impl Display) -> Self {
        Self(what.to_string())
    }

    /// Something, and its cause.
    pub(crate) fn because(what: impl Display, cause: impl Error + 'static) -> Self {
        Self(format!("{what}: {}", in_a_line(&cause)))
    }
}

/// Says what was being done when something failed.
pub(crate) trait Explain<T> {
    /// The failure of `what`.
    fn explain(self, what: impl Display) -> Result<T, Failure>;
}

impl<T, E: Error + 'static> Explain<T> for Result<T, E> {
    fn explain(self, what: impl Display) -> Result<T, Failure> {
        self.map_err(|cause| Failure::because(what, cause))
    }
}
