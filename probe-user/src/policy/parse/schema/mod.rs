//! What a policy's file may say, as JSON schema: beside the parser, from the same lists of words.
//!
//! A schema tells keys, types, bounds and words. That the parts of a rule do not contradict each other, that an address
//! has no bits behind its prefix, and that a rule can match at all is for the parser alone to say.

mod topology;

use serde_json::{Value, json};

use crate::{
    policy::{Action, Delay, Direction, Flows, Narrowing, NodeSelector, Protocol},
    schema::{Key, flag, interface, node, one_of, party, port, some_of, span, table, text},
};

/// A policy's file.
pub(crate) fn policy() -> Value {
    let mut schema = table(
        "Who is cut from whom, how, and in which packets.",
        &[
            Key::optional("description", text("What the cut is, for people; else the file's name.")),
            Key::optional("rule", rules()),
            Key::optional("topology", topologies()),
        ],
    );
    schema["anyOf"] = json!([{"required": ["rule"]}, {"required": ["topology"]}]);
    schema["$defs"] = definitions();
    schema
}

/// What [`rules`] and [`topologies`] refer to.
pub(crate) fn definitions() -> Value {
    json!({"rule": rule(), "topology": topology::topology()})
}

/// The `[[rule]]` tables of a policy, or of another file in which one stands.
pub(crate) fn rules() -> Value {
    let reference = json!({"$ref": "#/$defs/rule"});
    some_of("Where two rules match a packet, the earlier one decides.", &reference)
}

/// The `[[topology]]` tables.
pub(crate) fn topologies() -> Value {
    json!({
        "type": "array", "items": {"$ref": "#/$defs/topology"},
        "description": "Shapes of who can no longer hear whom. Their rules come behind all others.",
    })
}

fn rule() -> Value {
    let words: Vec<_> = roles().chain(["local", "*"]).collect();
    let everyone: Vec<_> = roles().chain(["*"]).collect();
    let mut keys = vec![
        Key::required(
            "node",
            node(
                "Where the rule is enforced: a node's name in the inventory, a role, `*` for every node, or `local` for the \
                 target that the command names.",
                &words,
            ),
        ),
        Key::optional(
            "direction",
            one_of(
                "Which way packets go, seen from the node: `in` arrive (the default), `out` leave, or `both`.",
                Direction::WORDS,
            ),
        ),
        Key::optional(
            "peers",
            some_of(
                "Who the node is cut from: names, roles, IPv4 and IPv6 addresses or prefixes, or `*` for everyone, which \
                 is the default.",
                &party(&everyone),
            ),
        ),
    ];
    keys.extend(terms());
    table("One line of a policy.", &keys)
}

/// What rules and topologies have in common.
fn terms() -> Vec<Key> {
    let mut keys = vec![
        Key::optional(
            "protocol",
            one_of("Which transport protocol; `tcp` unless it says otherwise.", Protocol::WORDS),
        ),
        Key::optional(
            "ports",
            some_of("The node's own ports, 1 to 65535; without it, all of them.", &port()),
        ),
        Key::optional("peer_ports", some_of("The peer's ports; without it, all of them.", &port())),
        Key::optional(
            "flows",
            one_of(
                "Which packets of a flow: `all` (the default), `new` (SYN without ACK) or `established` (every other TCP \
                 segment).",
                Flows::WORDS,
            ),
        ),
        Key::required(
            "action",
            one_of(
                "What becomes of a packet: it vanishes (`drop`), its sender gets ICMP port unreachable (`reject`) or a \
                 TCP RST (`reset`), it goes on twice (`duplicate`), changed (`corrupt`) or late (`delay`).",
                Action::WORDS,
            ),
        ),
        Key::optional(Delay::KEY, delay()),
        Key::optional("close_sockets", flag("Also close the node's open TCP connections that it stops.")),
        Key::optional("loopback", flag("Also what the node sends to itself through `lo`.")),
        Key::optional(
            "interfaces",
            some_of("The interfaces to cut on; without it, every one that is up.", &interface()),
        ),
    ];
    keys.extend(Narrowing::schemas().into_iter().map(|(key, value)| Key::optional(key, value)));
    keys
}

fn delay() -> Value {
    let late = "How much later packets go on, above 0 and at most 10 minutes.";
    let apart = table(
        late,
        &[
            Key::required("time", span("In the middle.")),
            Key::optional("jitter", span("How much more or less it may be; at most `time`.")),
            Key::optional("reorder", flag("Whether packets may overtake each other; needs a `jitter`.")),
        ],
    );
    json!({"description": late, "anyOf": [span(late), apart]})
}

fn roles() -> impl Iterator<Item = &'static str> {
    NodeSelector::ROLES.iter().map(|(word, _)| *word)
}
