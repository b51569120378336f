//! What was measured, and what becomes of it: JSON, a table, plots.

mod model;
mod number;
mod plot;
mod table;

use std::{fs, path::Path};

pub(crate) use model::{Better, Environment, Goal, Measurement, Report, Row};

pub(crate) use number::{number, some};

use crate::{Explain, Failure};

/// Writes `bench.json`, `bench.md` and `bench.svg` into a folder, which is made if need be; gives the table.
pub(crate) fn write(report: &Report, folder: &Path) -> Result<String, Failure> {
    fs::create_dir_all(folder).explain(format!("{} cannot be made", folder.display()))?;
    let json = serde_json::to_string_pretty(report).map_err(|error| Failure::because("no JSON", error))?;
    let table = table::markdown(report);
    let plot = plot::svg(report)?;
    for (name, text) in [("bench.json", json + "\n"), ("bench.md", table.clone()), ("bench.svg", plot)] {
        let path = folder.join(name);
        fs::write(&path, text).explain(format!("{} cannot be written", path.display()))?;
    }
    Ok(table)
}
