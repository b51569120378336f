//! A journal of what a suite or a comparison does, a JSON object a line, of which nothing is lost when its writer is killed.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

/// Why a journal cannot be kept or read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum JournalError {
    /// The directory holds one already.
    #[error("{} holds runs already", path.display())]
    #[diagnostic(help("name another directory with `--out`, or move this one away"))]
    Taken {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said, or what is wrong with its first line.
        source: io::Error,
    },
}

/// A journal of these notes that is being kept.
#[derive(Debug)]
pub struct Journal<N> {
    path: PathBuf,
    file: File,
    notes: Vec<N>,
}

impl<N: Serialize> Journal<N> {
    /// Begins a journal of this name in a directory that holds none, and is made if need be.
    pub fn create(directory: &Path, name: &str) -> Result<Self, JournalError> {
        let path = directory.join(name);
        match fs::create_dir_all(directory).and_then(|()| File::create_new(&path)) {
            Ok(file) => Ok(Self { path, file, notes: Vec::new() }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(JournalError::Taken { path: directory.to_owned() })
            }
            Err(source) => Err(JournalError::Write { path, source }),
        }
    }

    /// Writes a line.
    pub fn note(&mut self, note: N) -> Result<(), JournalError> {
        let line = serde_json::to_string(&note).map_err(io::Error::from);
        line.and_then(|line| self.file.write_all(format!("{line}\n").as_bytes()))
            .map_err(|source| JournalError::Write { path: self.path.clone(), source })?;
        self.notes.push(note);
        Ok(())
    }

    /// Every line so far.
    pub fn notes(&self) -> &[N] {
        &self.notes
    }
}

/// Reads a journal whose first line says what is run. Lines that were cut off count as not written.
pub fn read<N: DeserializeOwned>(
    path: &Path,
    begins: impl FnOnce(&N) -> bool,
) -> Result<Vec<N>, JournalError> {
    let read = |source| JournalError::Read { path: path.to_owned(), source };
    let text = fs::read_to_string(path).map_err(read)?;
    let notes: Vec<N> = text.lines().map_while(|line| serde_json::from_str(line).ok()).collect();
    if notes.first().is_some_and(begins) {
        Ok(notes)
    } else {
        Err(read(io::Error::new(io::ErrorKind::InvalidData, "its first line does not tell what is run")))
    }
}
