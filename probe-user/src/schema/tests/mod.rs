//! The schemas against what they describe.

mod committed;
mod files;
mod recorded;
mod samples;

use std::collections::BTreeSet;

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde::Serialize;
use serde_json::Value;

use super::documents;

/// What judges documents of this name.
pub(crate) fn validator(name: &str) -> Validator {
    let documents = documents();
    let document = documents.iter().find(|document| document.name == name).expect("a schema of this name");
    jsonschema::validator_for(&document.schema()).expect("a schema")
}

/// Fails unless the value fits the schema of this name.
pub(crate) fn assert_fits(name: &str, value: &impl Serialize) {
    let value = serde_json::to_value(value).expect("plain data");
    let problems = problems(&validator(name), &value);
    assert!(problems.is_empty(), "{name}: {}\n{value:#}", problems.join("\n"));
}

/// What is wrong with a value, each with its place.
fn problems(validator: &Validator, value: &Value) -> Vec<String> {
    let errors = validator.iter_errors(value);
    errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The keys that a schema does not know in a table where they stand.
fn unknown(validator: &Validator, value: &Value) -> BTreeSet<String> {
    let mut unknown = BTreeSet::new();
    for error in validator.iter_errors(value) {
        collect(&error, &mut unknown);
    }
    unknown
}

fn collect(error: &ValidationError<'_>, unknown: &mut BTreeSet<String>) {
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            unknown.extend(unexpected.iter().cloned());
        }
        ValidationErrorKind::PropertyNames { error } => {
            unknown.extend(error.instance().as_str().map(str::to_owned));
        }
        ValidationErrorKind::FalseSchema => {
            let path = error.instance_path().to_string();
            unknown.extend(path.rsplit('/').next().map(str::to_owned));
        }
        ValidationErrorKind::AnyOf { context }
        | ValidationErrorKind::OneOfNotValid { context }
        | ValidationErrorKind::OneOfMultipleValid { context } => {
            context.iter().flatten().for_each(|error| collect(error, unknown));
        }
        _ => {}
    }
}
