//! Schemas of single values, as [`document::Value`](crate::document::Value) reads them.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

/// The characters of a name: letters and digits of any alphabet, `-`, `_` and `.`. What is no ASCII passes: patterns
/// know fewer letters than Rust does.
const NAME: &str = r"^[^\x00-,/:-@\[-^`{-\x7f]+$";

/// An address or a prefix, as far as its characters tell.
const ADDRESS: &str = "^[0-9A-Fa-f:.]+(/[0-9]+)?$";

/// Any text.
pub(crate) fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

/// A text of one character at least.
pub(crate) fn some_text(description: &str) -> Value {
    json!({"type": "string", "minLength": 1, "description": description})
}

/// `true` or `false`.
pub(crate) fn flag(description: &str) -> Value {
    json!({"type": "boolean", "description": description})
}

/// For what is there or not.
pub(crate) fn only_true(description: &str) -> Value {
    json!({"const": true, "description": description})
}

/// A whole number within bounds.
pub(crate) fn integer(description: &str, bounds: &RangeInclusive<i64>) -> Value {
    let mut schema = json!({"type": "integer", "minimum": bounds.start(), "description": description});
    if *bounds.end() != i64::MAX {
        schema["maximum"] = json!(bounds.end());
    }
    schema
}

/// A number between two others, which it cannot be itself.
pub(crate) fn between(description: &str, low: i64, high: i64) -> Value {
    json!({"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": high, "description": description})
}

/// One of a few words, as `keyword` reads them.
pub(crate) fn one_of<T>(description: &str, words: &[(&'static str, T)]) -> Value {
    let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    json!({"enum": words, "description": description})
}

/// A time span such as `"1m 30s"`.
pub(crate) fn span(description: &str) -> Value {
    json!({
        "type": "string", "pattern": "^[^-]*[0-9][^-]*[A-Za-zµμ:][^-]*$", "description": description,
        "examples": ["10s", "1m 30s", "500ms"],
    })
}

/// A time span in terms of the cluster's timings, as [`Expression`](crate::scenario::Expression) reads it.
pub(crate) fn expression(description: &str) -> Value {
    json!({
        "type": "string", "pattern": r"^[\sA-Za-z0-9_.+*()-]+$", "description": description,
        "examples": ["10s", "ttl + loop_wait + 5s", "2 * ttl", "cut + 60s"],
    })
}

/// A list of one entry at least.
pub(crate) fn some_of(description: &str, entry: &Value) -> Value {
    json!({"type": "array", "minItems": 1, "items": entry, "description": description})
}

/// One of them, or a list of one at least.
pub(crate) fn one_or_more(description: &str, entry: &Value) -> Value {
    json!({"anyOf": [entry, {"type": "array", "minItems": 1, "items": entry}], "description": description})
}

/// A port, or a range of ports.
pub(crate) fn port() -> Value {
    json!({"anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 65535},
        {"type": "string", "pattern": "^\\s*[0-9]+\\s*(-\\s*[0-9]+\\s*)?$", "examples": ["5432-5440"]},
    ]})
}

/// A network interface, as the kernel takes its name.
pub(crate) fn interface() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 15, "pattern": r"^[^/:\s]+$"})
}

/// A node: one of these words, or its name in the inventory.
pub(crate) fn node(description: &str, words: &[&str]) -> Value {
    json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": NAME}], "description": description})
}

/// A node, or an address or a prefix.
pub(crate) fn party(words: &[&str]) -> Value {
    json!({
        "anyOf": [
            {"enum": words},
            {"type": "string", "pattern": NAME},
            {"type": "string", "pattern": ADDRESS, "examples": ["10.0.0.0/8", "fd00::1"]},
        ],
        "not": {"const": "local"},
    })
}

/// A node that is meant by one of these words, or by a name that is none of `never`.
pub(crate) fn named(description: &str, words: &[&str], never: &[&str]) -> Value {
    let mut name = json!({"type": "string", "pattern": "^[^@]"});
    if !never.is_empty() {
        name["not"] = json!({"enum": never});
    }
    json!({"anyOf": [{"enum": words}, name], "description": description})
}
