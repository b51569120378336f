//! The shape of `bench.json`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::statistics::Summary;

/// One run of the bench.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct Report {
    /// Changes whenever a field here changes its meaning.
    pub(crate) schema: &'static str,
    /// Whether it was a short run, whose figures are rough.
    pub(crate) quick: bool,
    /// Where.
    pub(crate) environment: Environment,
    /// What was asked for, and whether it is so.
    pub(crate) goals: Vec<Goal>,
    /// What was measured.
    pub(crate) measurements: Vec<Measurement>,
}

impl Report {
    /// The schema of this version.
    pub(crate) const SCHEMA: &'static str = "netsplit/bench/1";
}

/// The machine.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct Environment {
    /// When the run began.
    pub(crate) began: jiff::Timestamp,
    /// `uname -r`.
    pub(crate) kernel: String,
    /// The processors' model.
    pub(crate) processor: String,
    /// How many processors.
    pub(crate) processors: usize,
    /// How many processes wanted to run while it ran, on average over the last minute of it (`proc_loadavg(5)`).
    pub(crate) load: f64,
    /// What was compared with, by name and version.
    pub(crate) versions: Vec<String>,
}

/// Something that has to be true.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub(crate) struct Goal {
    /// What, in words.
    pub(crate) what: String,
    /// The figure that decides, with its unit.
    pub(crate) figure: String,
    /// Whether it is met.
    pub(crate) met: bool,
}

/// One measurement: many contenders in the same cases, side by side.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct Measurement {
    /// A word for it.
    pub(crate) name: &'static str,
    /// A heading for it.
    pub(crate) title: &'static str,
    /// What the figures are in.
    pub(crate) unit: &'static str,
    /// Which figures are good.
    pub(crate) better: Better,
    /// How it was measured.
    pub(crate) method: &'static str,
    /// The figures.
    pub(crate) rows: Vec<Row>,
}

/// Which figures are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Better {
    /// Small ones.
    Lower,
    /// Large ones.
    Higher,
}

/// One contender in one case.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub(crate) struct Row {
    /// What happens.
    pub(crate) case: String,
    /// Who does it.
    pub(crate) contender: String,
    /// With how many rules, peers or entries.
    pub(crate) size: String,
    /// The figures.
    pub(crate) figures: Summary,
    /// How much more than the one that all are compared with, in the same round, at the median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) above: Option<f64>,
    /// What the same case costs the one that all are compared with, where there is one: medians, this by that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
}
