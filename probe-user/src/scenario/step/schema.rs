//! What a `[[step]]` may say: the key that names what is done decides which others there are.

use serde_json::{Value, json};

use super::{Step, until};
use crate::{
    policy,
    scenario::{Act, Logged, Origin, Sight, schema::when_key},
    schema::{Key, Variant, also, expression, flag, has, says, text, variants},
};

impl Step {
    /// What [`Self::read`] reads.
    pub(in crate::scenario) fn schema() -> Value {
        let mut name = text("What `revert`, and the expectations that count from it, call the step.");
        name["not"] = json!({"enum": Origin::RESERVED});
        let common = [Key::optional("as", name), when_key()];
        let mut kinds = vec![wait(), revert()];
        kinds.extend(apply());
        kinds.extend(until());
        kinds.extend(Act::variants());
        let mut schema = variants("One thing that is done.", &common, &kinds);
        let cut = json!({"anyOf": [has("apply"), has("rule"), has("topology")]});
        let mut deeds = vec![cut, has("wait"), has("until"), has("revert")];
        deeds.extend(Act::deeds().map(has));
        also(&mut schema, json!({"oneOf": deeds}));
        let listed = json!({"anyOf": [has("state"), has("role")]});
        also(&mut schema, json!({"if": says("until", &["listed"]), "then": listed}));
        schema
    }
}

fn wait() -> Variant {
    let keys = vec![Key::required("wait", expression("How long nothing is done."))];
    Variant { when: has("wait"), keys }
}

fn revert() -> Variant {
    let about = "Takes cuts away: `true` for all of them, or the name of one.";
    let which = json!({"anyOf": [{"const": true}, {"type": "string"}], "description": about});
    Variant { when: has("revert"), keys: vec![Key::required("revert", which)] }
}

fn apply() -> [Variant; 2] {
    let keys = |source: Vec<Key>| {
        let mut keys = source;
        keys.extend([
            Key::optional("for", expression("The lease; without it, the rest of the scenario and a margin.")),
            Key::optional(
                "must_hit",
                flag("Whether a run in which it hits no packet is invalid; true without it."),
            ),
        ]);
        keys
    };
    let file = text("The policy's file, seen from the scenario's folder.");
    let inline = vec![
        Key::optional("rule", policy::schema::rules()),
        Key::optional("topology", policy::schema::topologies()),
    ];
    [
        Variant { when: has("apply"), keys: keys(vec![Key::required("apply", file)]) },
        Variant { when: json!({"anyOf": [has("rule"), has("topology")]}), keys: keys(inline) },
    ]
}

fn until() -> Vec<Variant> {
    let words: Vec<_> = until::WORDS.iter().map(|(word, _)| *word).collect();
    let plain = Variant { when: says("until", &words), keys: until_keys(Vec::new()) };
    let log = Variant { when: says("until", &["log"]), keys: until_keys(Logged::keys("contains")) };
    let sights =
        Sight::words().map(|(word, keys)| Variant { when: says("until", &[word]), keys: until_keys(keys) });
    [plain, log].into_iter().chain(sights).collect()
}

fn until_keys(own: Vec<Key>) -> Vec<Key> {
    let plain = until::WORDS.iter().map(|(word, _)| *word).chain(["log"]);
    let words: Vec<_> = plain.chain(Sight::words().map(|(word, _)| word)).collect();
    let mut keys = own;
    keys.extend([
        Key::required("until", json!({"enum": words, "description": "What is waited for."})),
        Key::required("within", expression("How long it is waited for.")),
        Key::optional(
            "required",
            flag("Whether the scenario ends where it does not come; false without it."),
        ),
    ]);
    keys
}
