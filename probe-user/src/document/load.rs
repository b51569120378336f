//! From file to text.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use miette::Diagnostic;

use super::Rejected;

/// Why a file could not be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum LoadError {
    /// It could not be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the kernel said, or that the text is not UTF-8.
        source: io::Error,
    },
    /// What it says cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Rejected(#[from] Rejected),
}

/// A file's text.
pub fn load(path: &Path) -> Result<String, LoadError> {
    fs::read_to_string(path).map_err(|source| LoadError::Unreadable { path: path.to_owned(), source })
}
