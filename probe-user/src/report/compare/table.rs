//! The tables of a comparison: the first factor's levels side by side, a table for each setting of the others.

use std::collections::BTreeMap;

use super::number::{each, spread};
use crate::compare::{Cell, Comparison, Difference, Given, Named, Reading, Strength};

/// A table.
pub(super) struct Section<'c> {
    /// What the other factors are set to.
    pub(super) given: Vec<Given>,
    /// The cells side by side.
    pub(super) cells: Vec<&'c Cell>,
    /// What differs in it, measure by measure.
    pub(super) rows: Vec<Row<'c>>,
    /// Each pair of its cells, by each measure that has a row.
    pub(super) differences: Vec<&'c Difference>,
    /// Titles of measures that are zero, or of which nothing is known, in all of its runs.
    pub(super) quiet: Vec<&'c str>,
}

/// A measure, and what it is in each cell.
pub(super) struct Row<'c> {
    pub(super) measure: &'c Named,
    /// In words, in the order of the cells.
    pub(super) cells: Vec<String>,
    /// Whether it differs, in words.
    pub(super) differs: String,
    /// Whether anything is larger than the noise.
    pub(super) larger: bool,
}

/// What the other factors are set to, in words; empty where there are none.
pub(super) fn heading(given: &[Given]) -> String {
    given.iter().map(|one| format!("{} {}", one.key, one.level)).collect::<Vec<_>>().join(", ")
}

/// Every table.
pub(super) fn sections(comparison: &Comparison) -> Vec<Section<'_>> {
    let Some(first) = comparison.factors.first() else { return Vec::new() };
    let mut by_others: Vec<(&[String], Vec<&Cell>)> = Vec::new();
    for cell in &comparison.cells {
        let others = cell.levels.get(1..).unwrap_or_default();
        match by_others.iter_mut().find(|(known, _)| *known == others) {
            Some((_, cells)) => cells.push(cell),
            None => by_others.push((others, vec![cell])),
        }
    }
    let given = |others: &[String]| {
        let set = comparison.factors.iter().skip(1).zip(others);
        set.map(|(factor, level)| Given { key: factor.key.clone(), level: level.clone() }).collect()
    };
    let tables = by_others.into_iter();
    tables.map(|(others, cells)| table(comparison, &first.key, given(others), cells)).collect()
}

fn table<'c>(
    comparison: &'c Comparison,
    factor: &str,
    given: Vec<Given>,
    cells: Vec<&'c Cell>,
) -> Section<'c> {
    let (mut rows, mut all, mut quiet) = (Vec::new(), Vec::new(), Vec::new());
    for measure in &comparison.measures {
        if cells.iter().all(|cell| is_quiet(cell, &measure.name)) {
            quiet.push(measure.title.as_str());
            continue;
        }
        let differences = comparison.differences.iter();
        let differences: Vec<_> = differences
            .filter(|one| one.measure == measure.name && one.factor == factor && one.given == given)
            .collect();
        let words = |cell: &&Cell| {
            cell.spreads.get(&measure.name).map_or_else(|| "–".to_owned(), |one| spread(one, measure.unit))
        };
        rows.push(Row {
            measure,
            cells: cells.iter().map(words).collect(),
            differs: differs(&differences),
            larger: differences.iter().any(|one| one.strength == Strength::Larger),
        });
        all.extend(differences);
    }
    Section { given, cells, rows, differences: all, quiet }
}

/// Whether a cell has nothing to tell of a measure.
fn is_quiet(cell: &Cell, measure: &str) -> bool {
    let quiet = |reading: &Reading| match reading {
        Reading::Number(number) => number.abs() < 1e-9,
        Reading::Never(_) => false,
        Reading::Nothing => true,
    };
    let runs = cell.runs.iter().filter(|run| run.counts);
    runs.filter_map(|run| run.readings.get(measure)).all(quiet)
}

/// Which levels differ by more than the noise, such as `drop from reset, reject`; or why none do.
fn differs(differences: &[&Difference]) -> String {
    let mut others: BTreeMap<usize, (&str, Vec<&str>)> = BTreeMap::new();
    for (place, one) in differences.iter().enumerate().filter(|(_, one)| one.strength == Strength::Larger) {
        let known = others.values_mut().find(|(level, _)| *level == one.one);
        match known {
            Some((_, levels)) => levels.push(&one.other),
            None => {
                others.insert(place, (&one.one, vec![&one.other]));
            }
        }
    }
    let all = |strength| !differences.is_empty() && differences.iter().all(|one| one.strength == strength);
    if !others.is_empty() {
        let words = others.values().map(|(level, others)| format!("{level} from {}", others.join(", ")));
        words.collect::<Vec<_>>().join("; ")
    } else if all(Strength::Alike) {
        "alike".to_owned()
    } else if differences.is_empty() {
        "–".to_owned()
    } else if differences.iter().any(|one| one.strength == Strength::TooFew) {
        "too few runs to tell".to_owned()
    } else {
        "within the noise".to_owned()
    }
}

/// What a comparison is, and how its tables are to be read: sentences.
pub(super) fn introduction(comparison: &Comparison) -> Vec<String> {
    let varied =
        comparison.factors.iter().map(|factor| format!("{} ({})", factor.key, factor.levels.join(", ")));
    let (counted, made) = comparison.counted();
    let mut lines = vec![format!(
        "Varied: {}. {} combinations, {}, in random order (seed {}), on {}.",
        varied.collect::<Vec<_>>().join(" × "),
        comparison.cells.len(),
        each(comparison.repeat),
        comparison.seed,
        if comparison.labs == 1 {
            "one cluster".to_owned()
        } else {
            format!("{} labs side by side", comparison.labs)
        },
    )];
    let actions = comparison.factors.iter().filter(|factor| factor.key == "action");
    lines.extend(
        actions.flat_map(|factor| &factor.levels).filter_map(|level| what_it_does(level)).map(str::to_owned),
    );
    let planned = comparison.cells.len() * comparison.repeat as usize;
    if made < planned {
        lines.push(format!("{made} of {planned} runs were made."));
    }
    if counted < made {
        lines.push(format!(
            "{} of {made} runs do not count: their cut hit nothing, leaked, or they broke off.",
            made - counted
        ));
    }
    if let Some(stopped) = &comparison.stopped {
        lines.push(format!("Not all of it was run: {stopped}."));
    }
    if comparison.interrupted {
        lines.push("It was interrupted.".to_owned());
    }
    lines
}

/// What an action does to new connections, and to those that are open.
fn what_it_does(action: &str) -> Option<&'static str> {
    Some(match action {
        "drop" => "drop: packets vanish. A new connection times out, an open one hangs.",
        "reject" => {
            "reject: packets are answered by ICMP, port unreachable. A new connection is refused; to an open one that is a soft \
             error (RFC 1122, 4.2.3.9), so it hangs."
        }
        "reset" => {
            "reset: packets are answered by a TCP RST. A new connection is refused, an open one ends at once."
        }
        _ => return None,
    })
}

/// In how many of the runs two nodes were writable at the same time, and for how long at most; nothing where in none.
pub(super) fn two_writable(comparison: &Comparison) -> Option<String> {
    let runs = || comparison.cells.iter().flat_map(|cell| &cell.runs).filter(|run| run.counts);
    let seconds = runs().filter_map(|run| match run.readings.get("two_primaries") {
        Some(Reading::Number(seconds)) if *seconds > 0.0 => Some(*seconds),
        _ => None,
    });
    let seconds: Vec<f64> = seconds.collect();
    let most = seconds.iter().copied().reduce(f64::max)?;
    let (some, all) = (seconds.len(), runs().count());
    Some(format!(
        "In {some} of {all} runs two nodes were writable at the same time, for {most:.1} s at most."
    ))
}

/// How the figures are to be read.
pub(super) const LEGEND: &str = "Each figure is the median of its runs, with the least and the most of them where they are not \
    all equal; “2 of 5” says in how many it happened at all. Seconds count from the first packet that the cut hit; “never” is \
    what did not happen while the run lasted, and ranks later than all that did. The cluster has reacted when Patroni or HAProxy \
    changed something; a node is in service when its member key is there, its REST API answers 200 and HAProxy has it UP. What \
    differs does so with p < 0.05: Mann–Whitney U, two-sided, after Holm for the pairs of levels in a row. Rows are not \
    corrected for each other, so one in twenty may differ by chance. “Within the noise” does not differ; “alike” reads the \
    same in all runs.";

/// What runs came to that were not as their scenario expects, or do not count: a line each.
pub(super) fn exceptions(comparison: &Comparison) -> Vec<String> {
    let runs = comparison.cells.iter().flat_map(|cell| &cell.runs);
    let told = runs.filter_map(|run| {
        let reason = run.reason.as_deref()?;
        let counts = if run.counts { "" } else { " (does not count)" };
        Some(format!("{}{counts}: {reason}", run.directory))
    });
    told.collect()
}
