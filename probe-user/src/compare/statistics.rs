//! What a set of numbers is like, and whether two sets differ by more than the noise.
//!
//! Medians and quartiles describe; the Mann–Whitney U test (H. B. Mann and D. R. Whitney, 1947) decides. It looks at ranks
//! alone, so it asks for no distribution, and what did not happen at all within a run counts as later than everything that
//! did. Two-sided, by the normal approximation with corrections for ties and for continuity, which for a handful of runs is a
//! little stricter than the exact test. (The exact one of statrs 0.19 gives the complement where the first set is not the
//! larger one.) Pairs that answer one question together share its error by Holm's method (S. Holm, 1979).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::{
    statistics::{Data, OrderStatistics},
    stats_tests::{
        Alternative,
        mannwhitneyu::{MannWhitneyUMethod, mannwhitneyu},
    },
};

/// A difference is larger than the noise where chance alone would give one as large less often than this.
pub const SIGNIFICANCE: f64 = 0.05;

/// Stands for infinity, which is what did not happen: later than all that did, and arithmetic on it stays defined.
const NEVER: f64 = 1e300;

/// What a set of numbers is like. What is infinite did not happen.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Spread {
    /// How many runs it is of.
    pub runs: usize,
    /// In how many of them it happened.
    pub happened: usize,
    /// The median; `null` where it did not happen in half of the runs.
    pub median: Option<f64>,
    /// The lower quartile.
    pub lower: Option<f64>,
    /// The upper quartile.
    pub upper: Option<f64>,
    /// The least.
    pub least: Option<f64>,
    /// The most; of those that happened.
    pub most: Option<f64>,
}

impl Spread {
    /// Of these; `None` where there are none.
    pub fn of(numbers: &[f64]) -> Option<Self> {
        if numbers.is_empty() {
            return None;
        }
        let happened: Vec<f64> = numbers.iter().copied().filter(|number| number.is_finite()).collect();
        let mut all = Data::new(ranked(numbers));
        let finite = |number: f64| (number < NEVER / 1e3).then_some((number * 1e3).round() / 1e3);
        Some(Self {
            runs: numbers.len(),
            happened: happened.len(),
            median: finite(all.median()),
            lower: finite(all.lower_quartile()),
            upper: finite(all.upper_quartile()),
            least: happened.iter().copied().reduce(f64::min),
            most: happened.iter().copied().reduce(f64::max),
        })
    }
}

/// How often chance alone makes two sets of numbers differ as much as these, or more; `None` where one is empty.
pub(super) fn chance(one: &[f64], other: &[f64]) -> Option<f64> {
    let (one, other) = (ranked(one), ranked(other));
    if one.is_empty() || other.is_empty() {
        return None;
    }
    // All alike: the approximation would divide by a spread of zero.
    if one.iter().chain(&other).all(|number| number.total_cmp(&one[0]).is_eq()) {
        return Some(1.0);
    }
    let method = MannWhitneyUMethod::AsymptoticInclContinuityCorrection;
    let (_, chance) = mannwhitneyu(&one, &other, method, Alternative::TwoSided).ok()?;
    Some(chance.min(1.0))
}

/// The least that [`chance`] can be for sets of these sizes, where all of one are below all of the other; after Holm over so
/// many pairs.
pub(super) fn least_chance(one: usize, other: usize, pairs: usize) -> f64 {
    let numbers: Vec<_> = (0..one + other).map(real).collect();
    chance(&numbers[..one], &numbers[one..]).map_or(1.0, |least| (least * real(pairs)).min(1.0))
}

/// Holm's method: what each chance is worth once all of them were looked at, in their order.
pub(super) fn holm(chances: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|one, other| chances[*one].total_cmp(&chances[*other]));
    let mut adjusted = vec![0.0; chances.len()];
    let mut so_far = 0.0_f64;
    for (rank, index) in order.into_iter().enumerate() {
        so_far = so_far.max(chances[index] * real(chances.len() - rank)).min(1.0);
        adjusted[index] = so_far;
    }
    adjusted
}

fn ranked(numbers: &[f64]) -> Vec<f64> {
    numbers.iter().map(|number| number.min(NEVER)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a handful of runs")]
fn real(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-6
    }

    const NEVER: f64 = f64::INFINITY;

    #[test]
    fn chances_are_those_that_scipy_gives() {
        // scipy.stats.mannwhitneyu(..., method="asymptotic"); the first is the example of its documentation.
        let rows: [(&[f64], &[f64], f64); 4] = [
            (&[19.0, 22.0, 16.0, 29.0, 24.0], &[20.0, 11.0, 17.0, 12.0], 0.111_346_886_533_140_41),
            (&[1.0, 2.0, 3.0, 4.0, 5.0], &[6.0, 7.0, 8.0, 9.0, 10.0], 0.012_185_780_355_344_813),
            (&[20.0, 21.0, 22.0, 23.0, 24.0], &[NEVER; 5], 0.007_494_957_516_935_239),
            (&[1.0, 1.0, 2.0], &[1.0, 2.0, 2.0], 0.619_256_754_176_862_1),
        ];
        for (one, other, expected) in rows {
            let is = chance(one, other).unwrap_or_default();
            assert!(close(is, expected), "{one:?} {other:?}: {is}");
        }
        assert_eq!(chance(&[NEVER; 5], &[NEVER; 5]), Some(1.0));
        assert_eq!(chance(&[], &[1.0]), None);
        assert!(close(least_chance(5, 5, 1), 0.012_185_780));
    }

    #[test]
    fn what_is_asked_more_often_is_worth_less() {
        assert!(holm(&[0.01, 0.04, 0.03]).iter().zip([0.03, 0.06, 0.06]).all(|(is, want)| close(*is, want)));
        assert!(holm(&[]).is_empty());
        assert!(holm(&[0.9, 0.8]).iter().all(|one| close(*one, 1.0)));
    }

    #[test]
    fn medians_count_what_never_happened() {
        let spread = Spread::of(&[3.0, NEVER, 1.0, 2.0, NEVER]).expect("there are numbers");
        assert_eq!((spread.runs, spread.happened, spread.median), (5, 3, Some(3.0)));
        assert_eq!((spread.least, spread.most, spread.upper), (Some(1.0), Some(3.0), None));
        let never = Spread::of(&[NEVER, NEVER]).expect("there are runs");
        assert_eq!((never.median, never.least, never.happened), (None, None, 0));
        assert_eq!(Spread::of(&[]), None);
    }

    proptest! {
        #[test]
        fn order_and_side_do_not_matter(
            one in prop::collection::vec(prop::option::of(0_u8..9), 1..8),
            other in prop::collection::vec(prop::option::of(0_u8..9), 1..8),
        ) {
            let number = |numbers: &[Option<u8>]| numbers.iter().map(|n| n.map_or(NEVER, f64::from)).collect::<Vec<_>>();
            let (one, other) = (number(&one), number(&other));
            let reversed: Vec<_> = one.iter().rev().copied().collect();
            let (a, b) = (chance(&one, &other), chance(&other, &reversed));
            prop_assert!((a.unwrap_or_default() - b.unwrap_or_default()).abs() < 1e-9);
            prop_assert!(a.is_some_and(|chance| (0.0..=1.0).contains(&chance)));
        }
    }
}
