//! A `[[topology]]`: its shape decides which keys it has.

use serde_json::{Value, json};

use super::{roles, terms};
use crate::{
    policy::{Member, ShapeKind},
    schema::{Key, Variant, also, node, one_of, one_or_more, party, says, variants},
};

pub(super) fn topology() -> Value {
    let mut common =
        vec![Key::required("kind", one_of("The shape: who can no longer hear whom.", ShapeKind::WORDS))];
    common.extend(terms());
    let kinds = ShapeKind::WORDS
        .iter()
        .map(|(word, kind)| Variant { when: says("kind", &[word]), keys: keys(*kind) });
    let mut schema = variants(
        "A shape of who can no longer hear whom. `ports` are those of whoever does not hear.",
        &common,
        &kinds.collect::<Vec<_>>(),
    );
    let either = json!({"anyOf": [{"required": ["minority"]}, {"required": ["keep"]}]});
    also(&mut schema, json!({"if": says("kind", &["majority"]), "then": either}));
    schema
}

fn keys(kind: ShapeKind) -> Vec<Key> {
    match kind {
        ShapeKind::Split => vec![Key::required("groups", groups(2, None))],
        ShapeKind::Isolate => vec![
            Key::required("node", one_node("Who is alone.")),
            Key::optional("from", members("Whom it is cut from; without it, every other node.")),
        ],
        ShapeKind::Majority => vec![
            Key::optional("minority", members("Who is cut off.")),
            Key::optional("keep", members("Who is surely on the majority's side.")),
        ],
        ShapeKind::Bridge => vec![
            Key::required("node", one_node("Who hears both sides.")),
            Key::required("groups", groups(2, Some(2))),
        ],
        ShapeKind::Ring => {
            vec![Key::optional("nodes", members("The order; without it, the inventory's."))]
        }
        ShapeKind::OneWay => vec![
            Key::required("from", members("Who is not heard.")),
            Key::required("to", members("Who does not hear.")),
        ],
        ShapeKind::Edge => {
            let mut ends = json!({"type": "array", "items": member(), "minItems": 2, "maxItems": 2});
            ends["description"] = json!("The two ends.");
            vec![Key::required("between", ends)]
        }
    }
}

fn one_node(description: &str) -> Value {
    let words: Vec<_> = roles().collect();
    let mut schema = node(description, &words);
    schema["not"] = json!({"const": "local"});
    schema
}

fn member() -> Value {
    let outside = Member::OUTSIDE.iter().map(|(word, _)| *word);
    party(&roles().chain(["*"]).chain(outside).collect::<Vec<_>>())
}

fn members(description: &str) -> Value {
    one_or_more(description, &member())
}

fn groups(least: usize, most: Option<usize>) -> Value {
    let mut schema = json!({
        "type": "array", "minItems": least, "items": one_or_more("Who stands together.", &member()),
        "description": "Groups that do not hear each other.",
    });
    if let Some(most) = most {
        schema["maxItems"] = json!(most);
    }
    schema
}
