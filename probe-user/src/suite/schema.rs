//! What a `suite.toml` may say, as JSON schema. That its scenarios are there, and none twice, is for the reader to say.

use serde_json::Value;

use crate::schema::{Key, some_of, table, text};

/// A suite's file.
pub(crate) fn suite() -> Value {
    let names = some_of(
        "The names of scenario files without `.toml`, in the order in which they run.",
        &text("A scenario in the same folder."),
    );
    let section = table(
        "A part of the suite.",
        &[Key::required("title", text("Its heading.")), Key::required("scenarios", names)],
    );
    table(
        "What a folder's scenarios are together, and in what order they run.",
        &[
            Key::required("title", text("What is tested, in a line.")),
            Key::optional("description", text("More about it.")),
            Key::optional("source", text("What written procedure it is.")),
            Key::required("section", some_of("Its parts.", &section)),
        ],
    )
}
