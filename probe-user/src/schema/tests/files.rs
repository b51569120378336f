//! Files that people write: what their readers take fits the schemas, and what they refuse does not, as far as a schema
//! can tell.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::json;
use toml::{Table, Value};

use super::{
    super::documents,
    problems,
    samples::{Kind, shipped, small},
    unknown, validator,
};

/// A step to a part of a document.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

#[test]
fn good_files_fit() {
    for (kind, text) in shipped().into_iter().chain(small()) {
        assert_eq!(kind.read(&text), [""; 0], "{text}");
        let value: Table = text.parse().expect("TOML");
        let problems = problems(&validator(kind.schema()), &json!(value));
        assert!(problems.is_empty(), "{}\n{text}", problems.join("\n"));
    }
}

/// In every table, each key that the schema has for such a table, and each that the reader says it has.
#[test]
fn schemas_and_readers_know_the_same_keys_in_the_same_tables() {
    for place in places() {
        let told = place.kind.read_with_help(&place.with("zzzzzzzz", Some(nothing())).to_string());
        // "a rule has `node`, `direction` and `action`"
        let help = told.iter().find(|(message, _)| is_unknown(message, "zzzzzzzz"));
        let Some((_, help)) = help else {
            // A map, which takes any key.
            assert!(
                !unknown(&place.validator, &json!(place.with("zzzzzzzz", Some(nothing()))))
                    .contains("zzzzzzzz")
            );
            continue;
        };
        let listed = help.split('`').skip(1).step_by(2).map(str::to_owned);
        let keys: BTreeSet<_> = listed.chain(place.keys()).collect();
        let missing = keys.iter().map(String::as_str).filter(|key| !place.table().contains_key(*key));
        for key in missing.chain(["zzzzzzzz"]) {
            // A list of lists of lists is what no key takes.
            let changed = place.with(key, Some(nothing()));
            let told = place.kind.read(&changed.to_string());
            let schema_lacks = unknown(&place.validator, &json!(changed)).contains(key);
            let reader_lacks = told.iter().any(|message| is_unknown(message, key));
            let reader_has = told.iter().any(|message| message.contains(&format!("`{key}` must be")));
            let context =
                || format!("{key} in {:?}: {told:?}\n{}", place.path, Value::from(place.table().clone()));
            assert!(!reader_lacks || schema_lacks, "the schema has {}", context());
            assert!(!schema_lacks || !reader_has, "the schema lacks {}", context());
        }
    }
}

fn is_unknown(message: &str, key: &str) -> bool {
    message.ends_with(&format!("has no field `{key}`"))
        || message.starts_with(&format!("unknown field `{key}`"))
}

/// Every value of every table taken away, or made another: what the reader takes still fits. What it refuses and the
/// schema does not is all listed, so that nobody takes the one for the other.
#[test]
fn what_a_schema_cannot_tell() {
    let mut untold = BTreeMap::new();
    for place in places() {
        for key in place.table().keys() {
            for value in others() {
                let changed = place.with(key, value);
                let told = place.kind.read(&changed.to_string());
                let problems = problems(&place.validator, &json!(changed));
                let context = || format!("{key} in {:?}\n{changed}\n{}", place.path, problems.join("\n"));
                assert!(!told.is_empty() || problems.is_empty(), "stricter than the reader: {}", context());
                if problems.is_empty() {
                    for message in told {
                        let shape = shape(&message);
                        assert!(
                            !shape.contains("has no field")
                                && !shape.contains(" must be ")
                                && !shape.contains(" needs `"),
                            "{message}: {}",
                            context()
                        );
                        untold.entry((place.kind, shape)).or_insert_with(|| key.clone());
                    }
                }
            }
        }
    }
    let lines = untold.keys().map(|(kind, message)| format!("{}: {message}", kind.schema()));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

/// Policies that tests of the reader make up, printed.
#[test]
fn what_a_schema_says_of_generated_policies_is_what_the_reader_says() {
    use proptest::{
        strategy::{Strategy, ValueTree},
        test_runner::TestRunner,
    };
    let validator = validator("policy");
    let mut runner = TestRunner::deterministic();
    let policies = crate::policy::generated();
    let mut good = 0;
    // Most of them contradict themselves.
    for _ in 0..2000 {
        let text = policies.new_tree(&mut runner).expect("a policy").current();
        let value: Table = text.parse().expect("TOML");
        if Kind::Policy.read(&text).is_empty() {
            good += 1;
            let problems = problems(&validator, &json!(value));
            assert!(problems.is_empty(), "{}\n{text}", problems.join("\n"));
        }
    }
    assert!(good > 50, "{good} are good");
}

/// One table of one good file.
struct Place {
    kind: Kind,
    validator: std::rc::Rc<Validator>,
    document: Table,
    path: Vec<Step>,
}

impl Place {
    fn table(&self) -> &Table {
        let mut value: Option<&Value> = None;
        for step in &self.path {
            value = match (step, value) {
                (Step::Key(key), None) => self.document.get(key),
                (Step::Key(key), Some(Value::Table(table))) => table.get(key),
                (Step::Index(index), Some(Value::Array(entries))) => entries.get(*index),
                _ => panic!("{:?} leads nowhere", self.path),
            };
        }
        value.map_or(&self.document, |value| value.as_table().expect("a table"))
    }

    /// The keys that its schema has for such a table.
    fn keys(&self) -> Vec<String> {
        let schema = documents().iter().find(|one| one.name == self.kind.schema()).expect("one").schema();
        let heading = self.path.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(if key == "expect" { "expectation" } else { key.as_str() }),
            Step::Index(_) => None,
        });
        let table = match heading {
            None => &schema,
            Some(heading) => &schema["$defs"][heading],
        };
        table["properties"].as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
    }

    /// The document with another value there, or without any.
    fn with(&self, key: &str, value: Option<Value>) -> Table {
        let mut document = Value::Table(self.document.clone());
        let mut here = &mut document;
        for step in &self.path {
            here = match step {
                Step::Key(key) => &mut here[key.as_str()],
                Step::Index(index) => &mut here[*index],
            };
        }
        let table = here.as_table_mut().expect("a table");
        match value {
            Some(value) => drop(table.insert(key.to_owned(), value)),
            None => drop(table.remove(key)),
        }
        document.as_table().expect("a table").clone()
    }
}

/// The tables of all good files, each once that has the same keys and words.
fn places() -> Vec<Place> {
    let validators: BTreeMap<_, _> =
        Kind::ALL.map(|kind| (kind, std::rc::Rc::new(validator(kind.schema())))).into();
    let mut seen = BTreeSet::new();
    let mut places = Vec::new();
    for (kind, text) in small() {
        let document: Table = text.parse().expect("TOML");
        let mut paths = Vec::new();
        tables(&Value::Table(document.clone()), &mut Vec::new(), &mut paths);
        for path in paths {
            let validator = std::rc::Rc::clone(&validators[&kind]);
            let place = Place { kind, validator, document: document.clone(), path };
            let names = place.path.iter().filter_map(|step| match step {
                Step::Key(key) => Some(key.clone()),
                Step::Index(_) => None,
            });
            let words = ["that", "until", "kind", "throughout", "benign"];
            let keys = place.table().iter().map(|(key, value)| {
                let word = if words.contains(&key.as_str()) {
                    value.to_string()
                } else {
                    value.type_str().to_owned()
                };
                format!("{key}={word}")
            });
            if seen.insert((kind, names.collect::<Vec<_>>(), keys.collect::<Vec<_>>())) {
                places.push(place);
            }
        }
    }
    places
}

fn tables(value: &Value, path: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    let mut below = |step, value: &Value| {
        path.push(step);
        tables(value, path, found);
        path.pop();
    };
    match value {
        Value::Table(table) => {
            table.iter().for_each(|(key, value)| below(Step::Key(key.clone()), value));
            found.push(path.clone());
        }
        Value::Array(entries) => {
            entries.iter().enumerate().for_each(|(index, value)| below(Step::Index(index), value));
        }
        _ => {}
    }
}

fn nothing() -> Value {
    Value::Array(vec![Value::Array(vec![Value::Array(Vec::new())])])
}

/// Nothing, and a value of each type.
fn others() -> Vec<Option<Value>> {
    let values = [
        Value::Boolean(true),
        Value::Boolean(false),
        Value::Integer(7),
        Value::Integer(-1),
        Value::Float(1.5),
        Value::from("zzz"),
        Value::from(""),
        Value::from("@zzz"),
        Value::Array(Vec::new()),
        Value::from(vec!["zzz"]),
        Value::Table(Table::new()),
        nothing(),
    ];
    [None].into_iter().chain(values.map(Some)).collect()
}

/// A message without what was written.
fn shape(message: &str) -> String {
    let parts: Vec<_> = message.split('`').collect();
    let keeps = |index: usize| {
        // What a message is about stays; what somebody wrote does not.
        index == 1 && !["zzz", "@zzz", ""].contains(&parts[index])
    };
    let told = parts.iter().enumerate().map(|(index, part)| match index % 2 {
        0 => (*part).to_owned(),
        _ if keeps(index) => format!("`{part}`"),
        _ => "`…`".to_owned(),
    });
    told.collect()
}
