//! Schemas of tables, as [`document::Table`](crate::document::Table) reads them: closed, each key told.

use serde_json::{Map, Value, json};

/// A key of a table, and what may stand behind it.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    name: &'static str,
    value: Value,
    required: bool,
}

/// A kind of a table that has several: what makes it one, and the keys that it has.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    /// A schema of the table: that one of its keys is there, or what stands behind one.
    pub(crate) when: Value,
    /// Besides those that all kinds have.
    pub(crate) keys: Vec<Key>,
}

impl Key {
    /// One that must be there.
    pub(crate) fn required(name: &'static str, value: Value) -> Self {
        Self { name, value, required: true }
    }

    /// One that may be missing.
    pub(crate) fn optional(name: &'static str, value: Value) -> Self {
        Self { name, value, required: false }
    }
}

/// A table with these keys and no others.
pub(crate) fn table(description: &str, keys: &[Key]) -> Value {
    json!({
        "type": "object", "description": description, "properties": properties(keys), "required": required(keys),
        "additionalProperties": false,
    })
}

/// A table of several kinds, each with keys of its own besides those that all have.
///
/// Every key stands in `properties`, where editors look, and each kind takes away those that it does not have: so what
/// is wrong is told of the key, and not of the table as a whole.
pub(crate) fn variants(description: &str, common: &[Key], variants: &[Variant]) -> Value {
    let mut all = common.to_vec();
    for key in variants.iter().flat_map(|variant| &variant.keys) {
        match all.iter_mut().find(|known| known.name == key.name) {
            Some(known) => widen(&mut known.value, &key.value),
            None => all.push(Key { required: false, ..key.clone() }),
        }
    }
    let mut schema = table(description, &all);
    let kinds = variants.iter().map(|variant| {
        let differs = |key: &&Key| all.iter().any(|known| known.name == key.name && known.value != key.value);
        let narrowed: Vec<Key> = variant.keys.iter().filter(differs).cloned().collect();
        let names: Vec<_> = common.iter().chain(&variant.keys).map(|key| key.name).collect();
        let mut then = json!({"propertyNames": {"enum": names}});
        if !narrowed.is_empty() {
            then["properties"] = properties(&narrowed);
        }
        if variant.keys.iter().any(|key| key.required) {
            then["required"] = required(&variant.keys);
        }
        json!({"if": variant.when, "then": then})
    });
    schema["allOf"] = kinds.collect();
    schema
}

/// A table in which this key stands.
pub(crate) fn has(key: &str) -> Value {
    json!({"required": [key]})
}

/// A table in which one of these words stands behind the key.
pub(crate) fn says(key: &str, words: &[&str]) -> Value {
    json!({"required": [key], "properties": {key: {"enum": words}}})
}

/// Adds what must be true of a table besides.
pub(crate) fn also(schema: &mut Value, condition: Value) {
    match schema.get_mut("allOf").and_then(Value::as_array_mut) {
        Some(conditions) => conditions.push(condition),
        None => schema["allOf"] = json!([condition]),
    }
}

fn properties(keys: &[Key]) -> Value {
    keys.iter().map(|key| (key.name.to_owned(), key.value.clone())).collect::<Map<_, _>>().into()
}

fn required(keys: &[Key]) -> Value {
    keys.iter().filter(|key| key.required).map(|key| key.name).collect()
}

/// Lets a key be what it is in another kind, too.
fn widen(known: &mut Value, other: &Value) {
    const EITHER: &str = "what it is depends on the table's kind";
    if known == other {
        return;
    }
    let either = known["description"] == EITHER;
    match known.get_mut("anyOf").and_then(Value::as_array_mut).filter(|_| either) {
        Some(choices) if choices.contains(other) => {}
        Some(choices) => choices.push(other.clone()),
        None => *known = json!({"description": EITHER, "anyOf": [known.clone(), other]}),
    }
}
