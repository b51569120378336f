//! The matrix, for people and for programs.

use std::collections::BTreeMap;

use comfy_table::{Table, presets};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Cell, Matrix, Party, Reach};

/// Who reaches whom, before and after, as text without a newline at its end.
pub fn picture(reached: &[Reach], parties: &[Party]) -> String {
    let mut parts = Vec::new();
    for reach in reached {
        let classes: Vec<_> = reach.classes.iter().map(ToString::to_string).collect();
        let classes = classes.join(", ");
        if reach.before.iter().flatten().all(|cell| *cell == Cell::default()) {
            parts.push(format!("{classes}, before: everyone reaches everyone"));
        } else {
            parts.push(format!("{classes}, before:\n{}", table(&reach.before, parties)));
        }
        if reach.before == reach.after {
            parts.push(format!("{classes}, after: as before"));
        } else {
            parts.push(format!("{classes}, after:\n{}", table(&reach.after, parties)));
        }
    }
    parts.join("\n\n")
}

fn table(matrix: &Matrix, parties: &[Party]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let called = parties.iter().map(|party| party.name.clone());
    table.set_header(std::iter::once("FROM \\ TO".to_owned()).chain(called));
    for (from, row) in parties.iter().zip(matrix) {
        let cells = parties.iter().zip(row).map(|(to, cell)| in_words(from, to, cell));
        table.add_row(std::iter::once(from.name.clone()).chain(cells));
    }
    table.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>().join("\n")
}

/// What happens between two that no rule can come between is nobody's business here.
fn in_words(from: &Party, to: &Party, cell: &Cell) -> String {
    if from.target.is_none() && to.target.is_none() { "-".to_owned() } else { cell.to_string() }
}

/// Who reaches whom, for packets of the same fate.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ReachTable {
    /// Which packets, in words.
    classes: Vec<String>,
    /// As the cuts in force have it: what each caller meets at each called.
    before: Rows,
    /// With the policy, too.
    after: Rows,
}

/// What is met, by who calls and who is called.
type Rows = BTreeMap<String, BTreeMap<String, String>>;

/// The same for programs.
pub fn reach_tables(reached: &[Reach], parties: &[Party]) -> Vec<ReachTable> {
    let rows = |matrix: &Matrix| -> Rows {
        let rows = parties.iter().zip(matrix).map(|(from, row)| {
            let met = parties.iter().zip(row).filter(|(to, _)| from.target.is_some() || to.target.is_some());
            (from.name.clone(), met.map(|(to, cell)| (to.name.clone(), cell.to_string())).collect())
        });
        rows.collect()
    };
    let one = |reach: &Reach| ReachTable {
        classes: reach.classes.iter().map(ToString::to_string).collect(),
        before: rows(&reach.before),
        after: rows(&reach.after),
    };
    reached.iter().map(one).collect()
}
