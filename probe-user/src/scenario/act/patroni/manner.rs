//! How a step asks Patroni, and which answer it expects.

use std::{fmt, ops::RangeInclusive};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    super::{ActError, ActNode, Outcome, Scene},
    patronictl, rest,
};
use crate::{
    cluster::Node,
    document::{Reported, Table, Value as TomlValue},
    record::Answered,
    schema::{Key, integer, one_of, text},
};

/// By which way Patroni is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    /// Its REST API.
    Rest,
    /// Its command.
    Patronictl,
}

const VIAS: [(&str, Via); 2] = [("rest", Via::Rest), ("patronictl", Via::Patronictl)];
const STATUS: RangeInclusive<i64> = 100..=599;
const EXIT: RangeInclusive<i64> = 0..=255;

/// The fields that every request has: `via`, `status`, `body`, `exit`.
#[derive(Debug)]
pub(super) struct Manner {
    pub(super) via: Via,
    status: Option<u16>,
    body: Option<String>,
    exit: Option<i32>,
}

/// One request, for either way.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) method: Method,
    /// Such as `/switchover`.
    pub(super) path: &'static str,
    pub(super) body: Value,
    /// Whom to ask: the first that can be reached decides.
    pub(super) nodes: Vec<&'a Node>,
    /// What `patronictl` is called with, so that it asks nothing.
    pub(super) arguments: Vec<String>,
}

impl Manner {
    /// The step's own keys, and those that every request has.
    pub(super) fn keys(own: impl IntoIterator<Item = Key>) -> Vec<Key> {
        let mut keys: Vec<_> = own.into_iter().collect();
        keys.extend([
            Key::optional(
                "via",
                one_of("Which way Patroni is asked; `rest` unless it says otherwise.", &VIAS),
            ),
            Key::optional(
                "status",
                integer("The HTTP status that is expected; without it, 200 or 202.", &STATUS),
            ),
            Key::optional("body", text("What the answer's body is expected to contain.")),
            Key::optional("exit", integer("The exit code of `patronictl` that is expected.", &EXIT)),
        ]);
        keys
    }

    pub(super) fn read(table: &Table<'_>) -> Result<Self, Reported> {
        let via = table.optional("via").map_or(Ok(Via::Rest), |value| value.keyword(&VIAS));
        let status = table.optional("status").map(|value| value.integer(STATUS)).transpose();
        let body = table.optional("body").map(|value| value.text().map(str::to_owned)).transpose();
        let exit = table.optional("exit");
        let manner = Self {
            via: via?,
            status: status?,
            body: body?,
            exit: exit.map(|value| value.integer(EXIT)).transpose()?,
        };
        match exit {
            Some(value) if manner.via == Via::Rest => Err(value.refuse(
                "a request to the REST API has no exit code",
                "only programs have one",
                "write via = \"patronictl\", too, or expect a `status`",
            )),
            _ => Ok(manner),
        }
    }

    /// Asks. Whatever comes back is the outcome, and whether it is the expected one is judged with the expectations.
    pub(super) fn ask(&self, request: &Request<'_>, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let answer = match self.via {
            Via::Rest => rest::ask(request, scene),
            Via::Patronictl => patronictl::ask(&request.arguments, scene),
        }?;
        let answer = Answered {
            expected: self.status,
            expected_body: self.body.clone(),
            expected_exit: self.exit,
            ..answer
        };
        let who = if self.via == Via::Rest { "Patroni" } else { "patronictl" };
        let said = match (answer.status, answer.exit) {
            (Some(status), _) => format!("{who} answers {status}: {}", answer.body),
            (None, Some(exit)) => format!("{who} ends with {exit}: {}", last_line(&answer.body)),
            (None, None) => format!("{who} does not answer: {}", answer.body),
        };
        Ok(Outcome { request: Some(answer), ..Outcome::said(said) })
    }
}

/// What stands behind a request in words.
impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.via == Via::Patronictl {
            f.write_str(", by patronictl")?;
        }
        let expected = [
            self.status.map(|status| status.to_string()),
            self.exit.map(|exit| format!("exit code {exit}")),
            self.body.as_ref().map(|body| format!("`{body}`")),
        ];
        let expected: Vec<_> = expected.into_iter().flatten().collect();
        if expected.is_empty() { Ok(()) } else { write!(f, ", expecting {}", expected.join(" and ")) }
    }
}

fn last_line(text: &str) -> &str {
    text.lines().next_back().unwrap_or("it said nothing")
}

/// The member that a step wants to lead; `None` lets Patroni choose.
pub(super) fn candidate(value: &TomlValue<'_>, help: &str) -> Result<Option<ActNode>, Reported> {
    if value.as_text().is_some() {
        return ActNode::read(value).map(Some);
    }
    if value.boolean()? {
        return Ok(None);
    }
    Err(value.refuse(format!("a {} that is none", value.key()), "false", help))
}

/// What [`candidate`] reads.
pub(super) fn member(key: &'static str) -> Key {
    let anyone = json!({"const": true, "description": "Patroni chooses."});
    let about = "The member that is to lead, by name or by its part; `true` to let Patroni choose.";
    Key::required(key, json!({"anyOf": [ActNode::schema(about), anyone], "description": about}))
}

/// For a step that is there or not: `KEY = true`.
pub(super) fn wanted(table: &Table<'_>, key: &'static str) -> Result<(), Reported> {
    let value = table.required(key, &format!("write {key} = true"))?;
    if value.boolean()? {
        return Ok(());
    }
    Err(value.refuse(format!("a {key} that is none"), "false", "write true, or leave the step out"))
}

/// As `patronictl` does: this node first, and another member if nobody is there.
pub(super) fn first<'a>(name: Option<&str>, scene: &Scene<'a>) -> Vec<&'a Node> {
    let mut nodes: Vec<&Node> = scene.inventory.nodes.iter().collect();
    nodes.sort_by_key(|node| Some(node.name.as_str()) != name);
    nodes
}

/// `patronictl`'s arguments: the command, the cluster, and the rest.
pub(super) fn arguments(command: &str, scene: &Scene<'_>, rest: &[&str]) -> Vec<String> {
    let words = [command, &scene.inventory.scope].into_iter().chain(rest.iter().copied());
    words.map(str::to_owned).collect()
}
