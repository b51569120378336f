//! A comparison, counted: what stands in its `result.json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Factor, MEASURES, Measure, Note, Plan, Reading, SIGNIFICANCE, Spread, Unit,
    statistics::{chance, holm, least_chance},
};
use crate::{
    record::Environment,
    report::{RunResult, RunVerdict},
};

/// The version of a comparison's `result.json`.
pub const SCHEMA: u32 = 1;

/// A comparison and what differs.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The name of its directory.
    pub id: String,
    /// The scenario's id.
    pub scenario: String,
    /// What it asks.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// When it began.
    pub begun: Option<Timestamp>,
    /// Seconds from its beginning; `null` where netsplit was killed.
    pub took_s: Option<f64>,
    /// Somebody stopped it.
    pub interrupted: bool,
    /// Why not all of it was run, in a sentence.
    pub stopped: Option<String>,
    /// What was varied; the first one is what the tables have side by side.
    pub factors: Vec<Factor>,
    /// How often each combination was to be run.
    pub repeat: u32,
    /// What the order of the runs follows from.
    pub seed: u64,
    /// How many labs stood side by side.
    pub labs: u32,
    /// What it ran on: one for each cluster that differs from the others.
    pub environments: Vec<Environment>,
    /// The numbers that are compared.
    pub measures: Vec<Named>,
    /// A difference is larger than the noise where its chance, after Holm, is below this.
    pub significance: f64,
    /// Each combination.
    pub cells: Vec<Cell>,
    /// Each pair of combinations that differ in one factor alone, measure by measure.
    pub differences: Vec<Difference>,
}

/// A measure, by its names.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Named {
    /// Its name in files.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What it is counted in.
    pub unit: Unit,
}

/// A combination.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Cell {
    /// What each factor is set to, in their order.
    pub levels: Vec<String>,
    /// Its runs, in the order in which they were made.
    pub runs: Vec<Run>,
    /// What its runs that count are like, by measure; without those of which no run says anything.
    pub spreads: BTreeMap<String, Spread>,
}

impl Cell {
    /// The first factor's level, which its column is named by.
    pub(crate) fn level(&self) -> &str {
        self.levels.first().map(String::as_str).unwrap_or_default()
    }
}

/// A run of a comparison.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Run {
    /// Which time the combination ran, from 1.
    pub repetition: u32,
    /// Its place among all runs, from 1, in the order in which they began.
    pub turn: usize,
    /// Where it ran.
    pub lab: String,
    /// The run directory within the comparison's.
    pub directory: String,
    /// How long it took.
    pub took_s: f64,
    /// What came of it; `null` where there is no record.
    pub verdict: Option<RunVerdict>,
    /// Why it is not as expected, or does not count.
    pub reason: Option<String>,
    /// Whether its numbers are counted: a run that is invalid or broke off tells of something else.
    pub counts: bool,
    /// Its numbers, by measure.
    pub readings: BTreeMap<String, Reading>,
}

/// What another factor than the compared one is set to.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Given {
    /// The factor.
    pub key: String,
    /// What it is set to.
    pub level: String,
}

/// Two combinations that differ in one factor alone, by one measure.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Difference {
    /// The measure.
    pub measure: String,
    /// The factor in which they differ.
    pub factor: String,
    /// What the others are set to.
    pub given: Vec<Given>,
    /// The factor's level in one.
    pub one: String,
    /// Its level in the other.
    pub other: String,
    /// How often chance alone makes two such sets of runs differ as much: Mann–Whitney U, two-sided.
    pub chance: f64,
    /// The same after Holm, over all pairs of levels of this factor for this measure, with the others as given.
    pub chance_holm: f64,
    /// What that means.
    pub strength: Strength,
}

/// What a difference is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// All runs of both say the same.
    Alike,
    /// Larger than the noise.
    Larger,
    /// Within the noise.
    Noise,
    /// So few runs that nothing could be larger than the noise.
    TooFew,
}

impl Comparison {
    /// What came of a comparison: from its journal, which begins with [`Note::Begun`], and its runs by directory.
    pub fn of(id: &str, notes: &[Note], runs: &BTreeMap<String, RunResult>) -> Self {
        let begun = notes.iter().find_map(|note| match note {
            Note::Begun { at, plan } => Some((*at, plan.clone())),
            _ => None,
        });
        let (begun, plan) = begun.map_or_else(|| (None, nothing()), |(at, plan)| (Some(at), plan));
        let ended = notes.iter().rev().find_map(|note| match note {
            Note::Ended { took_s, interrupted, stopped } => Some((*took_s, *interrupted, stopped.clone())),
            _ => None,
        });
        let killed = || Some("netsplit was killed before it ended".to_owned());
        let (took_s, interrupted, stopped) =
            ended.map_or_else(|| (None, false, killed()), |(took, stop, why)| (Some(took), stop, why));
        let cells: Vec<Cell> = (0..plan.cells.len()).map(|cell| cell_of(cell, &plan, notes, runs)).collect();
        let mut environments: Vec<Environment> = Vec::new();
        for environment in runs.values().filter_map(|run| run.environment.as_ref()) {
            let same = |known: &Environment| {
                let kind = |one: &Environment| one.lab.as_ref().map(|lab| (lab.local, lab.etcd_members));
                (known.timings, &known.versions, kind(known))
                    == (environment.timings, &environment.versions, kind(environment))
            };
            if !environments.iter().any(same) {
                environments.push(environment.clone());
            }
        }
        Self {
            schema: SCHEMA,
            id: id.to_owned(),
            scenario: plan.scenario,
            title: plan.title,
            description: plan.description,
            begun,
            took_s,
            interrupted,
            stopped,
            differences: differences(&plan.factors, &cells),
            factors: plan.factors,
            repeat: plan.repeat,
            seed: plan.seed,
            labs: plan.labs,
            environments,
            measures: MEASURES.iter().map(named).collect(),
            significance: SIGNIFICANCE,
            cells,
        }
    }

    /// How many runs count, and how many there are.
    pub fn counted(&self) -> (usize, usize) {
        let runs = || self.cells.iter().flat_map(|cell| &cell.runs);
        (runs().filter(|run| run.counts).count(), runs().count())
    }
}

fn nothing() -> Plan {
    Plan {
        scenario: String::new(),
        title: String::new(),
        description: None,
        factors: Vec::new(),
        cells: Vec::new(),
        repeat: 0,
        seed: 0,
        labs: 0,
    }
}

fn named(measure: &Measure) -> Named {
    Named { name: measure.name.to_owned(), title: measure.title.to_owned(), unit: measure.unit }
}

fn cell_of(cell: usize, plan: &Plan, notes: &[Note], results: &BTreeMap<String, RunResult>) -> Cell {
    let mut runs: Vec<Run> = notes
        .iter()
        .filter_map(|note| match note {
            Note::Ran { cell: of, repetition, turn, lab, directory, took_s, error } if *of == cell => {
                let result = results.get(directory);
                let verdict = result.map(|result| result.verdict);
                let told = matches!(verdict, Some(RunVerdict::Pass | RunVerdict::Fail));
                Some(Run {
                    repetition: *repetition,
                    turn: *turn,
                    lab: lab.clone(),
                    directory: directory.clone(),
                    took_s: *took_s,
                    verdict,
                    reason: error.clone().or_else(|| result.and_then(|result| result.reason.clone())),
                    counts: told && result.is_some_and(|result| !result.interrupted),
                    readings: result.map(readings).unwrap_or_default(),
                })
            }
            _ => None,
        })
        .collect();
    runs.sort_by_key(|run| run.turn);
    let spread = |measure: &Measure| {
        let spread = Spread::of(&numbers(&runs, measure.name))?;
        Some((measure.name.to_owned(), spread))
    };
    Cell { levels: plan.cells[cell].clone(), spreads: MEASURES.iter().filter_map(spread).collect(), runs }
}

fn readings(result: &RunResult) -> BTreeMap<String, Reading> {
    MEASURES.iter().map(|measure| (measure.name.to_owned(), (measure.read)(&result.metrics))).collect()
}

/// What the runs that count say of a measure, as statistics take it.
fn numbers(runs: &[Run], measure: &str) -> Vec<f64> {
    let counted = runs.iter().filter(|run| run.counts);
    counted.filter_map(|run| run.readings.get(measure)?.counted()).collect()
}

fn differences(factors: &[Factor], cells: &[Cell]) -> Vec<Difference> {
    let mut all = Vec::new();
    for (place, factor) in factors.iter().enumerate() {
        for family in families(place, factor, cells) {
            for measure in MEASURES {
                all.extend(of_family(place, factors, &family, measure.name));
            }
        }
    }
    all
}

/// Cells that differ in this factor alone, in the order of its levels.
fn families<'c>(place: usize, factor: &Factor, cells: &'c [Cell]) -> Vec<Vec<&'c Cell>> {
    let first = factor.levels.first();
    let heads = cells.iter().filter(|cell| cell.levels.get(place) == first);
    let like = |head: &'c Cell| {
        let same = move |cell: &&Cell| {
            let pairs = cell.levels.iter().zip(&head.levels).enumerate();
            pairs.filter(|(index, _)| *index != place).all(|(_, (one, other))| one == other)
        };
        cells.iter().filter(same).collect()
    };
    heads.map(like).collect()
}

/// Every pair of a family, by one measure.
fn of_family(place: usize, factors: &[Factor], family: &[&Cell], measure: &str) -> Vec<Difference> {
    let pairs: Vec<(&Cell, &Cell)> = family
        .iter()
        .enumerate()
        .flat_map(|(index, one)| family[index + 1..].iter().map(|other| (*one, *other)))
        .collect();
    let tested: Vec<_> = pairs
        .into_iter()
        .filter_map(|(one, other)| {
            let (a, b) = (numbers(&one.runs, measure), numbers(&other.runs, measure));
            Some((one, other, chance(&a, &b)?, a, b))
        })
        .collect();
    let adjusted = holm(&tested.iter().map(|(_, _, chance, ..)| *chance).collect::<Vec<_>>());
    let count = tested.len();
    let given = |cell: &Cell| {
        let levels = factors.iter().zip(&cell.levels).enumerate().filter(|(index, _)| *index != place);
        levels.map(|(_, (factor, level))| Given { key: factor.key.clone(), level: level.clone() }).collect()
    };
    tested
        .into_iter()
        .zip(adjusted)
        .map(|((one, other, chance, a, b), chance_holm)| Difference {
            measure: measure.to_owned(),
            factor: factors[place].key.clone(),
            given: given(one),
            one: one.levels[place].clone(),
            other: other.levels[place].clone(),
            chance: millionths(chance),
            chance_holm: millionths(chance_holm),
            strength: strength(&a, &b, chance_holm, count),
        })
        .collect()
}

fn millionths(chance: f64) -> f64 {
    (chance * 1e6).round() / 1e6
}

fn strength(one: &[f64], other: &[f64], chance_holm: f64, pairs: usize) -> Strength {
    if one.iter().chain(other).all(|number| number.total_cmp(&one[0]).is_eq()) {
        Strength::Alike
    } else if chance_holm < SIGNIFICANCE {
        Strength::Larger
    } else if least_chance(one.len(), other.len(), pairs) >= SIGNIFICANCE {
        Strength::TooFew
    } else {
        Strength::Noise
    }
}
