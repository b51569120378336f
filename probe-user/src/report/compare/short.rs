//! What a comparison says, in sentences: the questions that people come with, before any table.

use super::{number::number, table::Section};
use crate::{
    compare::{Cell, Spread, Strength, Unit},
    record::WRITE_PAUSE,
};

/// A question, by the measure that answers it.
struct Question {
    measure: &'static str,
    /// What comes before the figures.
    told: &'static str,
    /// What is said where it is zero, or did not happen, in all runs.
    none: &'static str,
}

// One of the answers says it.
const _: () = assert!(WRITE_PAUSE.as_secs() == 2);

const QUESTIONS: &[Question] = &[
    Question {
        measure: "new_leader",
        told: "another node led after",
        none: "no other node became the leader",
    },
    Question {
        measure: "writes_stopped",
        told: "clients could not write for",
        none: "there was no gap of 2 s in clients' writes",
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

/// What a table says, in a few sentences.
pub(super) fn short(section: &Section<'_>) -> String {
    let answers: Vec<_> = QUESTIONS.iter().filter_map(|question| answer(question, section)).collect();
    let mut said = answers.join("; ");
    if let Some(first) = said.get(..1).map(str::to_uppercase) {
        said.replace_range(..1, &first);
    }
    [said, pairs(section)].into_iter().filter(|one| !one.is_empty()).collect::<Vec<_>>().join(". ")
}

fn answer<'s>(question: &Question, section: &Section<'s>) -> Option<String> {
    let spread = |cell: &&'s Cell| Some((cell.level(), cell.spreads.get(question.measure)?));
    let spreads: Vec<_> = section.cells.iter().filter_map(spread).collect();
    let row = section.rows.iter().find(|row| row.measure.name == question.measure);
    match row {
        _ if spreads.is_empty() => None,
        Some(row) if spreads.iter().any(|(_, spread)| spread.happened > 0) => {
            Some(format!("{} {}", question.told, figures(&spreads, row.measure.unit)))
        }
        _ => Some(question.none.to_owned()),
    }
}

/// Medians by level, those that read the same together: `21.8 s with drop and reject, never with reset`.
fn figures(spreads: &[(&str, &Spread)], unit: Unit) -> String {
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
    let words = counted.iter().map(|(level, other, count)| format!("{level} and {other} differ in {count}"));
    let words: Vec<_> = words.collect();
    if words.is_empty() {
        return String::new();
    }
    format!("Larger than the noise, of {rows} numbers: {}.", words.join(", "))
}

fn and(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        compare::{Comparison, Named, Reading, sample},
        report::compare::table::sections,
    };

    /// The first table of a comparison in which every level's runs read so.
    fn told(measure: &str, readings: &[Reading]) -> String {
        let mut comparison: Comparison = sample();
        comparison.measures.retain(|Named { name, .. }| name == measure);
        for (cell, reading) in comparison.cells.iter_mut().zip(readings.iter().flat_map(|one| [one, one])) {
            cell.spreads.clear();
            for run in &mut cell.runs {
                run.readings.insert(measure.to_owned(), *reading);
            }
            let spread = reading.counted().and_then(|number| Spread::of(&[number; 5]));
            cell.spreads.extend(spread.map(|spread| (measure.to_owned(), spread)));
        }
        let said = short(&sections(&comparison)[0]);
        said.split(". Larger").next().unwrap_or_default().to_owned()
    }

    #[test]
    fn questions_are_answered_by_medians_or_by_what_did_not_happen() {
        use Reading::{Nothing, Number};
        let never = Reading::NEVER;
        for (measure, readings, said) in [
            (
                "new_leader",
                [Number(21.8), Number(21.8), never],
                "Another node led after 21.8 s with drop and reject, never with reset",
            ),
            ("new_leader", [never, never, never], "No other node became the leader"),
            ("writes_stopped", [Number(0.0); 3], "There was no gap of 2 s in clients' writes"),
            (
                "writes_lost",
                [Number(0.0), Number(3.0), Number(0.0)],
                "Acknowledged writes lost: 0 with drop and reset, 3 with reject",
            ),
            ("session_hung", [Nothing; 3], ""),
        ] {
            assert_eq!(told(measure, &readings), said, "{measure}");
        }
    }
}
