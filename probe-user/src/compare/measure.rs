//! Which numbers of a run are compared.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::Metrics;

/// A number that every run has, or might have.
pub struct Measure {
    /// Its name in files.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// What it is of a run.
    pub read: fn(&Metrics) -> Reading,
}

/// What a measure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Seconds from the first packet hit until something happened.
    SecondsUntil,
    /// Seconds that something lasted.
    Seconds,
    /// How many.
    Count,
}

/// What a run says of a measure. In JSON a number, `"never"` or `null`.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Reading {
    /// The number.
    Number(f64),
    /// It did not happen while the run lasted.
    Never(Never),
    /// The run does not say: nobody watched, or there was nothing to come.
    Nothing,
}

/// The word for what did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Never {
    /// The word.
    Never,
}

impl Reading {
    /// It did not happen.
    pub const NEVER: Self = Self::Never(Never::Never);

    fn until(seconds: Option<f64>) -> Self {
        seconds.map_or(Self::NEVER, Self::Number)
    }

    fn of(number: Option<f64>) -> Self {
        number.map_or(Self::Nothing, Self::Number)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a run's writes are small")]
    fn count(number: Option<u64>) -> Self {
        Self::of(number.map(|number| number as f64))
    }

    /// As statistics take it: infinite for what did not happen, `None` for nothing to count.
    pub(crate) fn counted(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Never(_) => Some(f64::INFINITY),
            Self::Nothing => None,
        }
    }
}

/// All of them, in the order in which reports have them.
pub const MEASURES: &[Measure] = &[
    Measure {
        name: "detection",
        title: "cluster reacted",
        unit: Unit::SecondsUntil,
        read: |metrics| Reading::until(metrics.detection_s),
    },
    Measure {
        name: "leader_lost",
        title: "leader lost",
        unit: Unit::SecondsUntil,
        read: |metrics| Reading::until(metrics.leader_lost_s),
    },
    Measure {
        name: "new_leader",
        title: "new leader",
        unit: Unit::SecondsUntil,
        read: |metrics| Reading::until(metrics.new_leader_s),
    },
    Measure {
        name: "writes_stopped",
        title: "longest without writes",
        unit: Unit::Seconds,
        read: |metrics| {
            let written = metrics.writes_acknowledged.is_some();
            Reading::of(metrics.write_outage_longest_s.or(written.then_some(0.0)))
        },
    },
    Measure {
        name: "writes_back",
        title: "first write back",
        unit: Unit::SecondsUntil,
        read: |metrics| match metrics.writes_stopped_s {
            Some(_) => Reading::until(metrics.writes_back_s),
            None => Reading::Nothing,
        },
    },
    Measure {
        name: "member_lost",
        title: "node out of service",
        unit: Unit::SecondsUntil,
        read: |metrics| Reading::until(metrics.member_lost_s),
    },
    Measure {
        name: "member_back",
        title: "node back after revert",
        unit: Unit::Seconds,
        read: |metrics| match metrics.member_lost_s {
            Some(_) => Reading::until(metrics.member_back_after_revert_s),
            None => Reading::Nothing,
        },
    },
    Measure {
        name: "two_primaries",
        title: "two writable primaries",
        unit: Unit::Seconds,
        read: |metrics| {
            let watched = metrics.two_writable_primaries.is_some();
            Reading::of(metrics.two_writable_primaries_s.or(watched.then_some(0.0)))
        },
    },
    Measure {
        name: "writes_lost",
        title: "acknowledged writes lost",
        unit: Unit::Count,
        read: |metrics| Reading::count(metrics.writes_lost),
    },
    Measure {
        name: "writes_failed",
        title: "write attempts failed",
        unit: Unit::Count,
        read: |metrics| Reading::count(metrics.writes_failed),
    },
    Measure {
        name: "writes_unknown",
        title: "writes of unknown fate",
        unit: Unit::Count,
        read: |metrics| Reading::count(metrics.writes_unknown),
    },
    Measure {
        name: "streaming_lost",
        title: "a standby's stream broke",
        unit: Unit::SecondsUntil,
        read: |metrics| Reading::until(metrics.streaming_lost_s),
    },
    Measure {
        name: "session_hung",
        title: "an open session hung",
        unit: Unit::Seconds,
        read: |metrics| Reading::of(metrics.clients.session_hung_s),
    },
    Measure {
        name: "sessions_ended",
        title: "open sessions ended",
        unit: Unit::Count,
        read: |metrics| Reading::count(metrics.clients.sessions_ended),
    },
    Measure {
        name: "postgres_timeouts",
        title: "new connections timed out",
        unit: Unit::Seconds,
        read: |metrics| Reading::of(metrics.clients.postgres_timeouts_s),
    },
    Measure {
        name: "postgres_refusals",
        title: "new connections refused",
        unit: Unit::Seconds,
        read: |metrics| Reading::of(metrics.clients.postgres_refusals_s),
    },
    Measure {
        name: "postgres_resets",
        title: "new connections reset",
        unit: Unit::Seconds,
        read: |metrics| Reading::of(metrics.clients.postgres_resets_s),
    },
    Measure {
        name: "rest_timeouts",
        title: "REST API timed out",
        unit: Unit::Seconds,
        read: |metrics| Reading::of(metrics.clients.rest_timeouts_s),
    },
    Measure {
        name: "rest_refusals",
        title: "REST API refused",
        unit: Unit::Seconds,
        read: |metrics| Reading::of(metrics.clients.rest_refusals_s),
    },
    Measure {
        name: "rest_resets",
        title: "REST API reset",
        unit: Unit::Seconds,
        read: |metrics| Reading::of(metrics.clients.rest_resets_s),
    },
];

impl Measure {
    /// The measure of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        MEASURES.iter().find(|measure| measure.name == name)
    }

    /// What a run's own reports call it. What clients met stands in one row there for each kind of client.
    pub(crate) fn row(&self) -> &'static str {
        match self.name.split_once('_') {
            Some(("postgres", _)) => "new connections met",
            Some(("rest", _)) => "REST API requests met",
            _ => self.title,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{metrics, story::Story};

    #[test]
    fn names_are_plain_and_differ() {
        let names: std::collections::BTreeSet<_> = MEASURES.iter().map(|measure| measure.name).collect();
        assert_eq!(names.len(), MEASURES.len());
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    }

    #[test]
    fn what_did_not_happen_is_not_what_nobody_saw() {
        let read = |name: &str, metrics: &Metrics| (Measure::named(name).expect("there").read)(metrics);
        let failover = metrics(&Story::failover().events);
        assert_eq!(read("new_leader", &failover), Reading::Number(22.0));
        assert_eq!(read("writes_stopped", &failover), Reading::Number(25.0));
        assert_eq!(read("session_hung", &failover), Reading::Nothing, "nobody kept a session");
        let quiet =
            metrics(&Story::healthy().writing(-5.0, 20.0).applied(0.0, "pg1").reverted(9.0, "pg1").events);
        assert_eq!(read("new_leader", &quiet), Reading::NEVER);
        assert_eq!(read("writes_stopped", &quiet), Reading::Number(0.0));
        assert_eq!(read("writes_back", &quiet), Reading::Nothing, "they never stopped");
        assert_eq!(read("two_primaries", &quiet), Reading::Number(0.0));
        assert_eq!(read("two_primaries", &Metrics::default()), Reading::Nothing);
    }

    #[test]
    fn readings_in_json() {
        for (reading, json) in
            [(Reading::Number(1.5), "1.5"), (Reading::NEVER, "\"never\""), (Reading::Nothing, "null")]
        {
            assert_eq!(serde_json::to_string(&reading).expect("plain"), json);
            assert_eq!(serde_json::from_str::<Reading>(json).expect("reads back"), reading);
        }
    }
}
