//! What an `[[expect]]` may say: the word behind `that` decides which other keys there are.

use serde_json::{Value, json};

use super::{
    Expectation, NodeRef,
    log::{BENIGN, OTHER},
    read::{WORDS, Word},
};
use crate::{
    scenario::{Logged, Sight, schema::when_key},
    schema::{Key, Variant, also, expression, flag, integer, one_of, says, text, variants},
};

impl Expectation {
    /// What [`Self::read`] reads.
    pub(in crate::scenario) fn schema() -> Value {
        let words: Vec<_> =
            WORDS.iter().map(|(word, _)| *word).chain(Sight::words().map(|(word, _)| word)).collect();
        let common = [
            Key::required("that", json!({"enum": words, "description": "What must be true."})),
            Key::optional("name", text("Its stable name in `result.json`; without it, what it says.")),
            Key::optional("table", flag("Whether a suite's table shows it; true without it.")),
            when_key(),
        ];
        let mut kinds: Vec<_> = WORDS.iter().flat_map(|(text, word)| of_word(text, *word)).collect();
        kinds.extend(Sight::words().map(|(text, own)| {
            let keys = own.into_iter().chain(time()).collect();
            Variant { when: says("that", &[text]), keys }
        }));
        let mut schema = variants("Something that must be true of the record.", &common, &kinds);
        for condition in conditions() {
            also(&mut schema, condition);
        }
        schema
    }
}

fn of_word(text: &'static str, word: Word) -> Vec<Variant> {
    let when = says("that", &[text]);
    let keys = match word {
        Word::LeaderLost | Word::NewLeader | Word::MemberBack | Word::WritesBack => window(true),
        Word::LeaderUnchanged => {
            vec![Key::optional("for", expression("How long after the run's zero; to the end without it."))]
        }
        Word::LeaderIs => {
            vec![Key::required("node", NodeRef::schema("Who holds the leader key at the end."))]
        }
        Word::WritesStop => {
            let bound = expression("How long the longest outage may be.");
            window(false).into_iter().chain([Key::optional("at_most", bound)]).collect()
        }
        // Sights have a list of their own.
        Word::Sight(_) => return Vec::new(),
        Word::WritesContinue | Word::NoWriteLost | Word::TimelineGrows | Word::TimelineUnchanged => {
            Vec::new()
        }
        Word::WritesLost => {
            vec![Key::required(
                "at_most",
                integer("How many acknowledged writes may be gone.", &(0..=i64::MAX)),
            )]
        }
        Word::TwoWritablePrimaries => vec![
            Key::optional("at_least", expression("How long two nodes are writable at least, in all.")),
            Key::optional("at_most", expression("How long two nodes are writable at most, in all.")),
        ],
        Word::Log => {
            let contains = json!({"allOf": [when, {"required": ["contains"]}]});
            let lacks = json!({"allOf": [when, {"not": {"required": ["contains"]}}]});
            let keys = Logged::keys("contains").into_iter().chain(window(false)).collect();
            return vec![
                Variant { when: contains, keys },
                Variant { when: lacks, keys: Logged::keys("lacks") },
            ];
        }
        Word::Tracebacks => {
            let keys = vec![
                Key::optional("node", NodeRef::schema("Whose log; every node's without it.")),
                Key::optional(
                    "benign",
                    one_of(
                        "What is expected of tracebacks that tell only of a client that gave up.",
                        &BENIGN,
                    ),
                ),
                Key::optional("other", one_of("Whether there may be others; `none` without it.", &OTHER)),
            ];
            let expected = json!({"allOf": [when, says("benign", &["expected"])]});
            let others = json!({"allOf": [when, {"not": says("benign", &["expected"])}]});
            // Only what must come can come in time.
            let timed = keys.iter().cloned().chain(window(false)).collect();
            return vec![Variant { when: expected, keys: timed }, Variant { when: others, keys }];
        }
    };
    vec![Variant { when, keys }]
}

/// The time within which something must happen.
fn window(required: bool) -> Vec<Key> {
    let within = expression("The latest moment, counted from `after`.");
    vec![
        if required { Key::required("within", within) } else { Key::optional("within", within) },
        Key::optional("not_before", expression("The earliest moment, counted from `after`.")),
        Key::optional(
            "after",
            text(
                "What times count from: `hit` (the first packet hit, the default), `revert`, or a step's `as`.",
            ),
        ),
    ]
}

/// When a sight must be there: at one moment, or throughout.
fn time() -> Vec<Key> {
    let mut keys = window(false);
    keys.extend([
        Key::optional("throughout", flag("Whether it must be so all the time, and not at one moment.")),
        Key::optional("for", expression("How long throughout is, counted from `after`.")),
        Key::optional(
            "until",
            text("The end of throughout: `end` (of the run), `revert`, or a step's `as`."),
        ),
    ]);
    keys
}

/// Which keys go together.
fn conditions() -> [Value; 6] {
    let has = |key: &str| json!({"required": [key]});
    let lacks = |key: &str| json!({"not": {"required": [key]}});
    let sights: Vec<_> = Sight::words().map(|(word, _)| word).collect();
    let throughout = json!({"required": ["throughout"], "properties": {"throughout": {"const": true}}});
    // A process is asked for as what stays, unless it says otherwise.
    let stays = json!({"allOf": [
        says("that", &["process"]), lacks("state"), lacks("within"), lacks("throughout"),
    ]});
    let whole = json!({"anyOf": [throughout, stays]});
    [
        json!({
            "if": {"allOf": [says("that", &sights), whole]},
            "then": {"properties": {"within": false}, "not": {"required": ["for", "until"]}},
            "else": {"if": says("that", &sights), "then": {
                "required": ["within"], "properties": {"for": false, "until": false},
            }},
        }),
        json!({
            "if": says("that", &["log", "tracebacks", "writes-stop"]),
            "then": {"dependentRequired": {"not_before": ["within"], "after": ["within"]}},
        }),
        json!({"if": says("that", &["writes-stop"]), "then": {"anyOf": [has("within"), has("at_most")]}}),
        json!({"if": says("that", &["two-writable-primaries"]), "then": {"anyOf": [has("at_least"), has("at_most")]}}),
        json!({"if": says("that", &["log"]), "then": {"oneOf": [has("contains"), has("lacks")]}}),
        json!({"if": says("that", &["listed"]), "then": {"anyOf": [has("state"), has("role")]}}),
    ]
}
