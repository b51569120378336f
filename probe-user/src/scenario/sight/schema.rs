//! What may be said of a sight, besides when it must be there.

use serde_json::json;

use super::{
    Logged, Meets, Sight,
    listed::{ROLES, STATES},
    log::LEVELS,
    read::{PROCESSES, SERVERS, WORDS, Word},
};
use crate::{
    scenario::NodeRef,
    schema::{Key, flag, one_of, one_or_more, some_text, text},
};

impl Sight {
    /// The word of each sight, and its keys.
    pub(in crate::scenario) fn words() -> impl Iterator<Item = (&'static str, Vec<Key>)> {
        WORDS.into_iter().map(|(text, word)| (text, keys(word)))
    }
}

impl Logged {
    /// What [`Self::read`] reads; `key` is the field with the text.
    pub(in crate::scenario) fn keys(key: &'static str) -> Vec<Key> {
        vec![
            Key::optional("node", NodeRef::schema("Whose log; every node's without it.")),
            Key::required(key, some_text("A part of the entry's text.")),
            Key::optional("level", one_of("Only entries of this level.", &LEVELS.map(|level| (level, ())))),
        ]
    }
}

fn keys(word: Word) -> Vec<Key> {
    let mut keys = vec![Key::required(
        "node",
        NodeRef::schema("Which nodes: by name, or by the part that they played at the run's zero."),
    )];
    keys.extend(match word {
        Word::Server => vec![
            Key::required("proxy", text("In which of HAProxy's proxies: `primary` or `replica`.")),
            Key::required("status", one_of("Whether HAProxy sends clients there.", &SERVERS)),
        ],
        Word::Rest => {
            let answers = json!({
                "anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, {"enum": ["any", "silent"]}],
                "description": "The HTTP status of the REST API; `any` for every one, `silent` for none.",
            });
            vec![Key::required("answers", answers)]
        }
        Word::Port => {
            let words = json!({"enum": Meets::WORDS.map(|(word, _)| word)});
            vec![Key::required("meets", one_or_more("What a client of PostgreSQL's port meets.", &words))]
        }
        Word::MemberKey => {
            let words = [("present", ()), ("absent", ())];
            vec![Key::required("state", one_of("Whether the member key is there.", &words))]
        }
        Word::Listed => {
            let words: Vec<_> = ["absent", "present"].into_iter().chain(STATES).collect();
            vec![
                Key::optional(
                    "state",
                    one_or_more("How `patronictl list` shows it.", &json!({"enum": words})),
                ),
                Key::optional(
                    "role",
                    one_of("In which role `patronictl list` shows it.", &ROLES.map(|role| (role, ()))),
                ),
            ]
        }
        Word::Replication => vec![Key::required("streaming", flag("Whether it streams from the leader."))],
        Word::Inside => {
            vec![Key::required("writable", flag("Whether its own PostgreSQL would accept a write."))]
        }
        Word::Process => vec![
            Key::required("server", one_of("Whose first process.", &PROCESSES)),
            Key::optional("state", one_of("What has become of it; `same` without it.", &super::read::STATES)),
        ],
    });
    keys
}
