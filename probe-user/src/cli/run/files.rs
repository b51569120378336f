//! Which scenarios run, and where their runs go.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use miette::{IntoDiagnostic, WrapErr};

use crate::scenario::{Prepared, Scenario};

/// The scenarios of a file or a folder, by name, each with what it names.
pub(super) fn scenarios(path: &Path) -> miette::Result<Vec<Prepared>> {
    if !path.is_dir() {
        return Ok(vec![prepare(path)?]);
    }
    let entries = fs::read_dir(path)
        .into_diagnostic()
        .wrap_err_with(|| format!("{} cannot be read", path.display()))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort_unstable();
    if files.is_empty() {
        return Err(miette::miette!(
            help = "scenarios are files that end in .toml",
            "{} has no scenarios",
            path.display()
        ));
    }
    files.iter().map(|file| prepare(file)).collect()
}

fn prepare(file: &Path) -> miette::Result<Prepared> {
    let scenario = Scenario::load(file)?;
    Ok(Prepared::new(scenario, file.parent().unwrap_or(Path::new(".")))?)
}

/// The run directory of a scenario.
pub(super) fn directory(out: Option<&Path>, scenario: &Scenario, scenarios: usize) -> PathBuf {
    match out {
        Some(out) if scenarios == 1 => out.to_owned(),
        Some(out) => out.join(&scenario.id),
        None => {
            let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
            Path::new("runs").join(format!("{time}-{}", scenario.id))
        }
    }
}
