//! From folders and files to a suite.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{SUITE_FILE, SectionFile, SuiteFile, scenario_names};
use crate::{
    document::{self, LoadError},
    report::directory,
    scenario::{Prepared, RunError, Scenario},
};

/// Scenarios in the order in which they run, read whole, with everything that they name.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Its stable name: the folder's.
    pub id: String,
    /// What is tested.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// What written procedure it is.
    pub source: Option<String>,
    /// Its parts; none is empty.
    pub sections: Vec<Section>,
}

/// A part of a suite.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its heading, if it has one.
    pub title: Option<String>,
    /// Its scenarios.
    pub scenarios: Vec<Prepared>,
}

/// Why a suite cannot be run.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SuiteError {
    /// A file of it cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Load(#[from] LoadError),
    /// Something that a scenario names cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Named(#[from] RunError),
    /// The folder cannot be read.
    #[error("{} cannot be read", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing to run.
    #[error("{} has no scenarios", path.display())]
    #[diagnostic(help("scenarios are files that end in .toml"))]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// Two scenarios go by one name, and so would their run directories.
    #[error("two scenarios are called `{id}`")]
    #[diagnostic(help("give one of the files another name, or its own `id`"))]
    Twice {
        /// The name.
        id: String,
    },
}

impl Suite {
    /// Reads folders and files, and everything that they name. Touches nothing.
    pub fn load(paths: &[PathBuf]) -> Result<Self, SuiteError> {
        let suite = match paths {
            [folder] if folder.is_dir() => Self::folder(folder)?,
            [file] if file.file_name().is_some_and(|name| name == SUITE_FILE) => {
                Self::folder(folder_of(file))?
            }
            paths => Self::of_several(paths)?,
        };
        let mut ids: Vec<&str> = suite.scenarios().map(|prepared| prepared.scenario().id.as_str()).collect();
        ids.sort_unstable();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(SuiteError::Twice { id: pair[0].to_owned() }),
            None => Ok(suite),
        }
    }

    /// Every scenario, in order.
    pub fn scenarios(&self) -> impl Iterator<Item = &Prepared> {
        self.sections.iter().flat_map(|section| &section.scenarios)
    }

    fn folder(folder: &Path) -> Result<Self, SuiteError> {
        let id = directory::name(folder);
        let unreadable = |source| SuiteError::Folder { path: folder.to_owned(), source };
        let names = scenario_names(folder).map_err(unreadable)?;
        if names.is_empty() {
            return Err(SuiteError::Empty { path: folder.to_owned() });
        }
        let path = folder.join(SUITE_FILE);
        if !path.exists() {
            let title = folder.display().to_string();
            let scenarios = read(folder, &names)?;
            let sections = vec![Section { title: None, scenarios }];
            return Ok(Self { id, title, description: None, source: None, sections });
        }
        let text = document::load(&path)?;
        let file =
            SuiteFile::parse(&path.display().to_string(), &text, Some(&names)).map_err(LoadError::from)?;
        let section = |SectionFile { title, scenarios }| {
            Ok(Section { title: Some(title), scenarios: read(folder, &scenarios)? })
        };
        let sections = file.sections.into_iter().map(section).collect::<Result<_, SuiteError>>()?;
        Ok(Self { id, title: file.title, description: file.description, source: file.source, sections })
    }

    /// Several paths: each folder with its own sections, each file for itself.
    fn of_several(paths: &[PathBuf]) -> Result<Self, SuiteError> {
        let mut sections: Vec<Section> = Vec::new();
        for path in paths {
            if path.is_dir() {
                sections.extend(Self::folder(path)?.sections);
                continue;
            }
            let prepared = prepare(path)?;
            match sections.last_mut() {
                Some(Section { title: None, scenarios }) => scenarios.push(prepared),
                _ => sections.push(Section { title: None, scenarios: vec![prepared] }),
            }
        }
        let named: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        let title = named.join(", ");
        Ok(Self { id: "suite".to_owned(), title, description: None, source: None, sections })
    }
}

fn read(folder: &Path, names: &[String]) -> Result<Vec<Prepared>, SuiteError> {
    names.iter().map(|name| prepare(&folder.join(format!("{name}.toml")))).collect()
}

fn prepare(file: &Path) -> Result<Prepared, SuiteError> {
    Ok(Prepared::new(Scenario::load(file)?, folder_of(file))?)
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
