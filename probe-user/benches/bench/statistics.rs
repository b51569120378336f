//! What many samples of one thing amount to.

use schemars::JsonSchema;
use serde::Serialize;

/// Samples of one thing, summed up. In the unit of the samples.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema, Serialize)]
pub(crate) struct Summary {
    /// The smallest: what it costs where nothing disturbs.
    pub(crate) min: f64,
    /// Half of the samples are smaller.
    pub(crate) median: f64,
    /// 99 of 100 samples are smaller; the largest where there are fewer than 100.
    pub(crate) p99: f64,
    /// Between the first and the third quartile: how far the middle half lies apart.
    pub(crate) spread: f64,
    /// How many samples.
    pub(crate) samples: usize,
}

impl Summary {
    /// Sums samples up; nothing without any.
    pub(crate) fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            min: *sorted.first()?,
            median: quantile(&sorted, 1, 2)?,
            p99: quantile(&sorted, 99, 100)?,
            spread: quantile(&sorted, 3, 4)? - quantile(&sorted, 1, 4)?,
            samples: sorted.len(),
        })
    }
}

/// The smallest sample that at least `part` of `whole` samples do not exceed ("nearest rank").
fn quantile(sorted: &[f64], part: usize, whole: usize) -> Option<f64> {
    let rank = (sorted.len() * part).div_ceil(whole).max(1);
    sorted.get(rank - 1).copied()
}
