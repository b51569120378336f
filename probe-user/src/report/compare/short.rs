//! What a comparison says, in sentences: the questions that people come with, before any table.

use super::{
    number::number,
    table::{Section, heading},
};
use crate::compare::{Cell, Spread, Strength, Unit};

/// A question, by the measure that answers it.
struct Question {
    measure: &'static str,
    /// What comes before the figures.
    told: &'static str,
    /// What is said where it is zero, or did not happen, in all runs.
    none: &'static str,
}

const QUESTIONS: &[Question] = &[
    Question {
        measure: "new_leader",
        told: "another node led after",
        none: "no other node became the leader",
    },
    Question {
        measure: "writes_stopped",
        told: "clients could not write for",
        none: "clients could write all the time",
    },
    Question {
        measure: "two_primaries",
        told: "two nodes were writable for",
        none: "no two nodes were writable at the same time",
    },
    Question {
        measure: "session_hung",
        told: "a session that was open before hung for",
        none: "no open session hung",
    },
    Question {
        measure: "writes_lost",
        told: "acknowledged writes lost:",
        none: "no acknowledged write was lost",
    },
];

/// What a table says, in a few sentences, as its heading and what stands below it.
pub(super) fn short(section: &Section<'_>) -> (String, String) {
    let answers: Vec<_> = QUESTIONS.iter().filter_map(|question| answer(question, section)).collect();
    let mut said = answers.join("; ");
    if let Some(first) = said.get(..1).map(str::to_uppercase) {
        said.replace_range(..1, &first);
    }
    let pairs = pairs(section);
    (
        heading(&section.given),
        [said, pairs].into_iter().filter(|one| !one.is_empty()).collect::<Vec<_>>().join(". "),
    )
}

fn answer(question: &Question, section: &Section<'_>) -> Option<String> {
    let spread = |cell: &&Cell| Some((level(cell).to_owned(), cell.spreads.get(question.measure)?.clone()));
    let spreads: Vec<(String, Spread)> = section.cells.iter().filter_map(spread).collect();
    let row = section.rows.iter().find(|row| row.measure.name == question.measure);
    let happened = |spread: &Spread| spread.happened > 0;
    match row {
        _ if spreads.is_empty() => None,
        Some(row) if spreads.iter().any(|(_, spread)| happened(spread)) => {
            Some(format!("{} {}", question.told, figures(&spreads, row.measure.unit)))
        }
        _ => Some(question.none.to_owned()),
    }
}

/// Medians by level, those that read the same together: `21.8 s with drop and reject, never with reset`.
fn figures(spreads: &[(String, Spread)], unit: Unit) -> String {
    let mut same: Vec<(String, Vec<&str>)> = Vec::new();
    for (level, spread) in spreads {
        let median = spread.median.map_or_else(|| "never".to_owned(), |median| number(median, unit));
        match same.iter_mut().find(|(known, _)| *known == median) {
            Some((_, levels)) => levels.push(level),
            None => same.push((median, vec![level])),
        }
    }
    let words = same.iter().map(|(median, levels)| format!("{median} with {}", and(levels)));
    words.collect::<Vec<_>>().join(", ")
}

/// In how many of the table's rows each pair of levels differs.
fn pairs(section: &Section<'_>) -> String {
    let rows = section.rows.len();
    if section.differences.iter().any(|one| one.strength == Strength::TooFew) {
        return "Too few runs to tell what is more than noise.".to_owned();
    }
    let mut counted: Vec<(&str, &str, usize)> = Vec::new();
    for one in &section.differences {
        let larger = usize::from(one.strength == Strength::Larger);
        match counted.iter_mut().find(|(level, other, _)| *level == one.one && *other == one.other) {
            Some((.., count)) => *count += larger,
            None => counted.push((&one.one, &one.other, larger)),
        }
    }
    let words = counted.iter().map(|(level, other, count)| format!("{level} and {other} in {count}"));
    let words: Vec<_> = words.collect();
    if words.is_empty() {
        return String::new();
    }
    format!("Larger than the noise, of {rows} numbers: {}.", words.join(", "))
}

fn level(cell: &Cell) -> &str {
    cell.levels.first().map(String::as_str).unwrap_or_default()
}

fn and(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
