//! A line of `events.jsonl`: what `before` and `after` are follows from `kind`.

use std::collections::BTreeMap;

use schemars::{
    Schema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::tidy::tidy;
use crate::record::{
    Applied, ClientWrite, ClusterView, EdgeProbe, Environment, Event, HitSummary, Inside, Kind, LeaderKey,
    LeaderLease, LogEntry, MemberKey, OpenSession, PortState, RestState, Reverted, RowsFound, ServerProcess,
    ServerState, StepMark, Streaming,
};

/// The schema of an event.
pub(super) fn event() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.root_schema_for::<Event>().to_value();
    let conditions: Vec<_> = kinds(&mut generator)
        .into_iter()
        .map(|kind| {
            let payload = payload(kind, &mut generator);
            // The first time there was nothing before.
            let before = json!({"anyOf": [payload, {"type": "null"}]});
            json!({
                "if": {"properties": {"kind": {"const": kind}}},
                "then": {"properties": {"before": before, "after": payload}},
            })
        })
        .collect();
    schema["allOf"] = conditions.into();
    schema["$defs"] = Value::Object(generator.take_definitions(true));
    let mut schema = Schema::try_from(schema).unwrap_or_default();
    RecursiveTransform(tidy).transform(&mut schema);
    schema.to_value()
}

/// Every kind, as its own schema lists them.
fn kinds(generator: &mut SchemaGenerator) -> Vec<Kind> {
    let listed = generator.root_schema_for::<Kind>().to_value();
    let words = listed["oneOf"].as_array().into_iter().flatten().map(|one| &one["const"]);
    words.filter_map(|word| Kind::deserialize(word).ok()).collect()
}

/// What stands in `after` of an event of this kind.
fn payload(kind: Kind, generator: &mut SchemaGenerator) -> Schema {
    match kind {
        Kind::Environment => generator.subschema_for::<Environment>(),
        Kind::Step => generator.subschema_for::<StepMark>(),
        Kind::Applied => generator.subschema_for::<Applied>(),
        Kind::Reverted => generator.subschema_for::<Reverted>(),
        Kind::Hit => generator.subschema_for::<HitSummary>(),
        Kind::Probe => generator.subschema_for::<EdgeProbe>(),
        Kind::Rest => generator.subschema_for::<RestState>(),
        Kind::Cluster | Kind::List => generator.subschema_for::<ClusterView>(),
        Kind::Log => generator.subschema_for::<LogEntry>(),
        Kind::Replication => generator.subschema_for::<Option<BTreeMap<String, Streaming>>>(),
        Kind::LeaderKey => generator.subschema_for::<Option<LeaderKey>>(),
        Kind::Lease => generator.subschema_for::<Option<LeaderLease>>(),
        Kind::MemberKey => generator.subschema_for::<Option<MemberKey>>(),
        Kind::EtcdReachable | Kind::Lsn | Kind::Trouble => generator.subschema_for::<String>(),
        Kind::Port => generator.subschema_for::<PortState>(),
        Kind::OpenSession => generator.subschema_for::<OpenSession>(),
        Kind::Process => generator.subschema_for::<ServerProcess>(),
        Kind::Inside => generator.subschema_for::<Option<Inside>>(),
        Kind::Server => generator.subschema_for::<ServerState>(),
        Kind::Write => generator.subschema_for::<ClientWrite>(),
        Kind::RowsFound => generator.subschema_for::<RowsFound>(),
    }
}
