//! The schemas that are committed are those of the code.

use std::{collections::BTreeSet, env, fs, path::Path};

use super::super::documents;

/// What mends it is what writes snapshots anew.
const COMMAND: &str = "INSTA_UPDATE=always cargo test -p probe-user --lib schema";

#[test]
fn the_committed_schemas_are_those_of_the_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let write = env::var("INSTA_UPDATE").is_ok_and(|update| update == "always");
    let mut names = BTreeSet::new();
    for document in documents() {
        let name = format!("{}.json", document.name);
        let text = serde_json::to_string_pretty(&document.schema()).expect("plain data") + "\n";
        let path = folder.join(&name);
        if write {
            fs::create_dir_all(&folder).and_then(|()| fs::write(&path, &text)).expect("the folder takes it");
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "{name} is not what the code says; `{COMMAND}` writes it anew");
        names.insert(name);
    }
    let there = fs::read_dir(&folder).expect("the folder").map(|entry| entry.expect("an entry").file_name());
    let there: BTreeSet<_> = there.map(|name| name.to_string_lossy().into_owned()).collect();
    assert_eq!(there, names, "a schema that nothing has is to be deleted, and one that is missing written");
}

#[test]
fn each_is_a_schema_and_says_what_everything_is() {
    for document in documents() {
        let schema = document.schema();
        jsonschema::draft202012::meta::validate(&schema).expect(document.name);
        assert_eq!(schema["title"], document.title);
        assert!(schema["description"].is_string(), "{} has no description", document.name);
        let mut silent = Vec::new();
        undescribed(&schema, document.name, &mut silent);
        assert!(silent.is_empty(), "nothing is said of {}", silent.join(", "));
    }
}

/// The properties of which nothing is said, neither here nor where they refer to.
fn undescribed(schema: &serde_json::Value, path: &str, silent: &mut Vec<String>) {
    let told = |schema: &serde_json::Value| schema["description"].is_string() || !schema["$ref"].is_null();
    match schema {
        serde_json::Value::Object(keys) => {
            for (key, value) in keys {
                let path = format!("{path}/{key}");
                // What narrows a key says nothing new of it.
                if ["allOf", "if", "then", "else", "not"].contains(&key.as_str()) {
                    continue;
                }
                if key == "properties" {
                    // One alone is the tag of a choice, of which the choice tells.
                    let properties = value.as_object().filter(|properties| properties.len() > 1);
                    let all = properties
                        .into_iter()
                        .flatten()
                        .filter(|(_, value)| !told(value) && value["const"].is_null());
                    silent.extend(all.map(|(name, _)| format!("{path}/{name}")));
                }
                undescribed(value, &path, silent);
            }
        }
        serde_json::Value::Array(entries) => {
            for entry in entries {
                undescribed(entry, path, silent);
            }
        }
        _ => {}
    }
}
