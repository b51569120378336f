//! The documents that have a schema.

use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Map, Value};

use super::{event, tidy::tidy};
use crate::{
    cli, cluster::Inventory, compare, policy, report::RunResult, report::suite::SuiteResult, scenario, suite,
    suite::Note,
};

/// A document that netsplit reads, writes or prints.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    /// What `netsplit schema` calls it; the schema's file is this with `.json`.
    pub name: &'static str,
    /// What it is, in a line.
    pub title: &'static str,
    make: fn() -> Value,
}

impl Document {
    /// Its schema.
    pub fn schema(&self) -> Value {
        let made = (self.make)();
        let mut schema = Map::new();
        schema.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        schema.insert("$id".to_owned(), format!("urn:netsplit:schema:{}", self.name).into());
        schema.insert("title".to_owned(), self.title.into());
        if let Value::Object(made) = made {
            schema.extend(made.into_iter().filter(|(key, _)| !["$schema", "title"].contains(&key.as_str())));
        }
        schema.into()
    }
}

/// Every one: files first, in the order in which they come to be, then what the verbs print.
pub fn documents() -> Vec<Document> {
    let mut documents = vec![
        Document { name: "policy", title: "A netsplit policy", make: policy::schema::policy },
        Document { name: "scenario", title: "A netsplit scenario", make: scenario::schema::scenario },
        Document { name: "suite", title: "A netsplit suite (suite.toml)", make: suite::schema::suite },
        Document { name: "inventory", title: "A netsplit inventory", make: read::<Inventory> },
        Document { name: "event", title: "A line of a run's events.jsonl", make: event::event },
        Document { name: "result", title: "A run's result.json", make: written::<RunResult> },
        Document { name: "suite-journal", title: "A line of a suite's suite.jsonl", make: written::<Note> },
        Document { name: "suite-result", title: "A suite's result.json", make: written::<SuiteResult> },
        Document {
            name: "comparison-journal",
            title: "A line of a comparison's comparison.jsonl",
            make: written::<compare::Note>,
        },
        Document {
            name: "comparison-result",
            title: "A comparison's result.json",
            make: written::<compare::Comparison>,
        },
    ];
    documents.extend(cli::printed_documents());
    documents
}

/// One of what a verb prints.
pub(crate) const fn printed(name: &'static str, title: &'static str, make: fn() -> Value) -> Document {
    Document { name, title, make }
}

/// The schema of what serde writes.
pub(crate) fn written<T: JsonSchema>() -> Value {
    of::<T>(SchemaSettings::draft2020_12().for_serialize())
}

/// The schema of what serde reads.
fn read<T: JsonSchema>() -> Value {
    of::<T>(SchemaSettings::draft2020_12().for_deserialize())
}

fn of<T: JsonSchema>(settings: SchemaSettings) -> Value {
    let mut schema: Schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(tidy).transform(&mut schema);
    schema.to_value()
}
