//! Numbers as Prometheus and its relatives read them: `OpenMetrics` text
//! (<https://prometheus.io/docs/specs/om/open_metrics_spec/>), and the older text of Prometheus itself
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>), which push gateways and textfile collectors take.
//!
//! Names begin with `netsplit_` and end with their unit, seconds and bytes; counters end with `_total`. What did not
//! happen, or could not be seen, has no sample.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, prometheus_text, text},
    metrics::{MetricType, exemplar::Exemplar},
    registry::{Registry, Unit},
};

/// The names and values of a sample's labels.
pub(crate) type Labels = Vec<(&'static str, String)>;

/// Which text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `OpenMetrics` 1.0, with units and an end.
    OpenMetrics,
    /// Prometheus 0.0.4.
    Prometheus,
}

/// Numbers, family by family, in the order in which they are told.
#[derive(Debug, Default)]
pub struct Exposition {
    families: Vec<Family>,
}

/// Samples of one name.
#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    samples: Samples,
}

#[derive(Debug)]
enum Samples {
    Gauge(Vec<(Labels, f64)>),
    Counter(Vec<(Labels, u64)>),
    Info(Vec<Labels>),
}

impl Exposition {
    /// What can rise and fall. `name` is without prefix and unit.
    pub(crate) fn gauge(
        &mut self,
        name: &'static str,
        unit: Option<Unit>,
        help: &'static str,
        samples: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        self.add(name, unit, help, Samples::Gauge(samples.into_iter().collect()));
    }

    /// What only rises. `name` is without prefix, unit and `_total`.
    pub(crate) fn counter(
        &mut self,
        name: &'static str,
        unit: Option<Unit>,
        help: &'static str,
        samples: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        self.add(name, unit, help, Samples::Counter(samples.into_iter().collect()));
    }

    /// What is known in words: the labels say it. `name` is without prefix and `_info`.
    pub(crate) fn info(
        &mut self,
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = Labels>,
    ) {
        self.add(name, None, help, Samples::Info(samples.into_iter().collect()));
    }

    fn add(&mut self, name: &'static str, unit: Option<Unit>, help: &'static str, samples: Samples) {
        self.families.push(Family { name, help, unit, samples });
    }

    /// The text. Fails where a label or a value cannot be written, which none of ours is.
    pub fn text(self, dialect: Dialect) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("netsplit");
        registry.register_collector(Box::new(self));
        let mut written = String::new();
        match dialect {
            Dialect::OpenMetrics => text::encode(&mut written, &registry)?,
            Dialect::Prometheus => prometheus_text::encode(&mut written, &registry)?,
        }
        Ok(written)
    }
}

impl Samples {
    fn is_empty(&self) -> bool {
        match self {
            Self::Gauge(samples) => samples.is_empty(),
            Self::Counter(samples) => samples.is_empty(),
            Self::Info(samples) => samples.is_empty(),
        }
    }
}

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in self.families.iter().filter(|family| !family.samples.is_empty()) {
            let kind = match family.samples {
                Samples::Gauge(_) => MetricType::Gauge,
                Samples::Counter(_) => MetricType::Counter,
                Samples::Info(_) => MetricType::Info,
            };
            let mut family_encoder =
                encoder.encode_descriptor(family.name, family.help, family.unit.as_ref(), kind)?;
            match &family.samples {
                Samples::Gauge(samples) => {
                    for (labels, value) in samples {
                        family_encoder.encode_family(labels)?.encode_gauge(value)?;
                    }
                }
                Samples::Counter(samples) => {
                    for (labels, value) in samples {
                        let none: Option<&Exemplar<Labels, u64>> = None;
                        family_encoder.encode_family(labels)?.encode_counter(value, none)?;
                    }
                }
                Samples::Info(samples) => {
                    for labels in samples {
                        family_encoder.encode_info(labels)?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
