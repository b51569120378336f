//! What a scenario's file may say, as JSON schema: beside the readers, from the same lists of words.
//!
//! A schema tells keys, types, bounds and words. That a step that is named exists, that names are not taken twice, and
//! that a time span can be computed is for the reader alone to say.

use serde_json::{Value, json};

use super::{Expectation, Step, When, read};
use crate::{
    policy,
    schema::{Key, integer, one_of, some_of, table, text},
};

/// A scenario's file.
pub(crate) fn scenario() -> Value {
    let mut schema = table(
        "What is done to a cluster, and what is expected of it.",
        &[
            Key::optional("id", text("Its stable name; without it, the file's name without `.toml`.")),
            Key::required("title", text("What is asked, in a line.")),
            Key::optional("description", text("More about it, for reports.")),
            Key::optional(
                "document",
                text("What some procedure claims will happen; shown beside what was measured."),
            ),
            Key::optional("lab", lab()),
            Key::optional("row", row()),
            Key::required("step", some_of("What is done, in this order.", &json!({"$ref": "#/$defs/step"}))),
            Key::required("expect", list("What must be true of the record.", "expectation")),
            Key::optional(
                "deviation",
                list("Where a real cluster disagrees with the procedure.", "deviation"),
            ),
        ],
    );
    let mut definitions = policy::schema::definitions();
    for (name, definition) in [
        ("step", Step::schema()),
        ("expectation", Expectation::schema()),
        ("deviation", deviation()),
        ("when", when()),
    ] {
        definitions[name] = definition;
    }
    schema["$defs"] = definitions;
    schema
}

fn list(description: &str, of: &str) -> Value {
    json!({"type": "array", "items": {"$ref": format!("#/$defs/{of}")}, "description": description})
}

fn lab() -> Value {
    let seconds = |about: &str| integer(about, &read::SECONDS);
    table(
        "What the cluster must be for the question to make sense.",
        &[
            Key::optional("local", one_of("How Patroni reaches its own PostgreSQL.", &When::LOCAL)),
            Key::optional("patroni", text("Patroni's version, such as `4.1.5`.")),
            Key::optional("etcd_members", integer("How many members etcd has.", &read::MEMBERS)),
            Key::optional("ttl", seconds("How long the leader key lives without renewal, in seconds.")),
            Key::optional("loop_wait", seconds("How long Patroni sleeps between two rounds, in seconds.")),
            Key::optional(
                "retry_timeout",
                seconds("How long Patroni retries the DCS and PostgreSQL, in seconds."),
            ),
        ],
    )
}

fn row() -> Value {
    table(
        "The row of a written procedure that this is, in its own words.",
        &[
            Key::required("id", text("Its number, such as `1B`.")),
            Key::required("test", text("What is tested.")),
            Key::required("commands", text("What a person types.")),
        ],
    )
}

fn deviation() -> Value {
    let names = json!({
        "type": "array", "items": {"type": "string"},
        "description": "The names of the expectations that measure it; none for all that stand in the table.",
    });
    table(
        "A place where a real cluster disagrees with the procedure.",
        &[
            when_key(),
            Key::optional(
                "claim",
                text("What does not hold of what `document` claims; without it, all of it."),
            ),
            Key::required("instead", text("What is so instead.")),
            Key::required("because", text("The reason.")),
            Key::optional("shown_by", names),
        ],
    )
}

fn when() -> Value {
    let mut schema = table(
        "The clusters that this is for; without it, all of them.",
        &[
            Key::optional("local", one_of("How Patroni reaches its own PostgreSQL.", &When::LOCAL)),
            Key::optional(
                "patroni",
                text("Patroni's version, as Cargo writes requirements, such as `>=3.2, <4`."),
            ),
        ],
    );
    schema["minProperties"] = json!(1);
    schema
}

/// The `when` of a step, an expectation or a deviation.
pub(super) fn when_key() -> Key {
    Key::optional("when", json!({"$ref": "#/$defs/when"}))
}
