//! What a run ran on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::{LabFacts, Timings};

/// Payload of [`Kind::Environment`](super::Kind::Environment), and part of `result.json`.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Environment {
    /// The scenario's id: the name of the file that it was read from.
    pub scenario: String,
    /// The kernel's release, such as `6.1.0-42-cloud-amd64`.
    pub kernel: String,
    /// What is known of the versions, by program: `netsplit`, `patroni`, `postgresql`, `etcd`, `haproxy`.
    pub versions: BTreeMap<String, String>,
    /// Patroni's scope.
    pub cluster: String,
    /// Patroni's timings.
    pub timings: Timings,
    /// What the embedded lab was asked for.
    pub lab: Option<LabFacts>,
    /// The nodes' names, as in the inventory.
    pub nodes: Vec<String>,
}
