//! A policy's TOML.

use std::{convert::Infallible, path::Path};

use super::{
    draft::{Draft, Part, Parts},
    port, rule, shadow, topology,
    word::{self, At, Wrong},
};
use crate::{
    document::{self, LoadError, Problem, Rejected, Reported, Span, Table, Value},
    policy::{
        Action, Delay, Direction, Flows, Narrowing, NodeSelector, Policy, PortRange, Protocol, Rule, Topology,
    },
};

/// Reads a policy. `name` is what messages call the text, usually its path; it also describes a policy that
/// does not describe itself.
pub fn parse(name: &str, text: &str) -> Result<Policy, Rejected> {
    document::read(name, text, |file| policy(name, file.named("a policy")))
}

impl Policy {
    /// Reads a policy's file.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        Ok(parse(&path.display().to_string(), &document::load(path)?)?)
    }
}

/// Rejects a good policy for what one of its parts, counted as [`Policy::part`] does, met later: a cluster without a
/// leader, a backend that cannot honour it. `problem` gets what the part is called, and its place.
pub fn reject_part(
    name: &str,
    text: &str,
    origin: usize,
    problem: impl FnOnce(&str, Span) -> Problem,
) -> Rejected {
    let rejected = document::read(name, text, |file| {
        let (part, span) = place_of(&file, origin);
        Err::<Infallible, _>(file.problems().report(problem(&part, span)))
    });
    match rejected {
        Err(rejected) => rejected,
        Ok(never) => match never {},
    }
}

/// What a part of a good policy is called, and its place.
pub fn part(name: &str, text: &str, origin: usize) -> Result<(String, Span), Rejected> {
    document::read(name, text, |file| Ok(place_of(&file, origin)))
}

fn place_of(file: &Table<'_>, origin: usize) -> (String, Span) {
    let tables = |key, what| file.optional(key).and_then(|part| part.tables(what).ok()).unwrap_or_default();
    let (rules, topologies) = (tables("rule", "a rule"), tables("topology", "a topology"));
    let (part, table) = match origin.checked_sub(rules.len()) {
        Some(topology) => (format!("topology {}", topology + 1), topologies.get(topology)),
        None => (format!("rule {}", origin + 1), rules.get(origin)),
    };
    (part, table.map_or_else(|| file.span(), Table::span))
}

fn policy(name: &str, file: Table<'_>) -> Result<Policy, Reported> {
    let stem = || Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let description =
        file.optional("description").map_or_else(|| Ok(stem()), |v| v.text().map(str::to_owned));
    let parts = read_parts(&file);
    file.finish();
    let (rules, topologies) = parts?;
    Ok(Policy { description: description?, rules, topologies })
}

/// The `[[rule]]` and `[[topology]]` tables of a policy, or of another file in which one stands.
pub(crate) fn read_parts(file: &Table<'_>) -> Result<(Vec<Rule>, Vec<Topology>), Reported> {
    let rules = match file.optional("rule") {
        Some(value) => rules(&value),
        None if file.has("topology") => Ok(Vec::new()),
        None => {
            file.required("rule", "head each rule with [[rule]] on a line of its own").map(|_| Vec::new())
        }
    };
    let topologies = file.optional("topology").map_or(Ok(Vec::new()), |value| topology::topologies(&value));
    Ok((rules?, topologies?))
}

fn rules(value: &Value<'_>) -> Result<Vec<Rule>, Reported> {
    let tables = value.tables("a rule")?;
    if tables.is_empty() {
        return Err(value.refuse("a policy without rules", "cuts nothing", "write at least one [[rule]]"));
    }
    let problems = value.problems();
    let rules: Vec<_> = tables.into_iter().map(one_rule).collect();
    let readable: Vec<_> = rules.iter().filter_map(|rule| rule.as_ref().ok()).cloned().collect();
    shadow::check(&readable, problems);
    rules.into_iter().map(|rule| rule.map(|(_, rule)| rule)).collect()
}

fn one_rule(table: Table<'_>) -> Result<(Span, Rule), Reported> {
    let (span, problems) = (table.span(), table.problems());
    if table.is_empty() {
        return Err(problems.report(
            Problem::new("an empty rule")
                .at(span, "says neither where nor what")
                .help("write at least node = \"…\" and action = \"…\""),
        ));
    }
    let draft = draft(&table, Terms::OfRule);
    table.finish();
    rule::check(&draft, problems);
    Ok((span, draft.rule()?))
}

/// Whose terms are read: those of a rule, or those of a topology, whose ends are its shape's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terms {
    OfRule,
    OfTopology,
}

/// All that a rule says; for a topology, without where and with whom.
pub(super) fn draft(table: &Table<'_>, terms: Terms) -> Draft {
    let span = table.span();
    let ends = terms == Terms::OfRule;
    Draft {
        node: if ends {
            table
                .required(
                    "node",
                    "say where the rule is enforced, as in node = \"@leader\" or node = \"local\"",
                )
                .and_then(|value| text(&value, word::node))
        } else {
            Ok(At { value: NodeSelector::All, span })
        },
        direction: if ends {
            keyword(table, "direction", Direction::In, Direction::WORDS)
        } else {
            Ok(At { value: Direction::In, span })
        },
        protocol: keyword(table, "protocol", Protocol::Tcp, Protocol::WORDS),
        ports: list(table, "ports", ports),
        peer_ports: list(table, "peer_ports", ports),
        peers: if ends {
            list(table, "peers", |value| text(value, word::peer))
        } else {
            Ok(At { value: Vec::new(), span })
        },
        flows: keyword(table, "flows", Flows::All, Flows::WORDS),
        narrowing: Narrowing::read(table).map(|value| At { value, span }),
        action: table
            .required("action", "say what happens to packets: action = \"drop\", \"reject\" or \"reset\"")
            .and_then(|value| Ok(At { value: value.keyword(Action::WORDS)?, span: value.span() })),
        delay: table.optional(Delay::KEY).map_or(Ok(At { value: None, span }), |value| {
            Ok(At { value: Some(Delay::read(&value)?), span: value.span() })
        }),
        close_sockets: flag(table, "close_sockets"),
        loopback: flag(table, "loopback"),
        interfaces: list(table, "interfaces", |value| text(value, word::interface)),
    }
}

fn keyword<T: Copy>(
    table: &Table<'_>,
    key: &'static str,
    default: T,
    words: &[(&'static str, T)],
) -> Part<T> {
    table.optional(key).map_or(Ok(At { value: default, span: table.span() }), |value| {
        Ok(At { value: value.keyword(words)?, span: value.span() })
    })
}

fn flag(table: &Table<'_>, key: &'static str) -> Part<bool> {
    table.optional(key).map_or(Ok(At { value: false, span: table.span() }), |value| {
        Ok(At { value: value.boolean()?, span: value.span() })
    })
}

fn list<T>(table: &Table<'_>, key: &'static str, entry: impl Fn(&Value<'_>) -> Part<T>) -> Parts<T> {
    let Some(value) = table.optional(key) else {
        return Ok(At { value: Vec::new(), span: table.span() });
    };
    let entries = value.list()?;
    if entries.is_empty() {
        return Err(value.refuse(
            format!("`{key}` is empty"),
            "matches nothing",
            format!("leave `{key}` out if you mean all of them"),
        ));
    }
    // All entries are read before the first failure counts.
    let entries: Vec<_> = entries.iter().map(entry).collect();
    Ok(At { value: entries.into_iter().collect::<Result<_, _>>()?, span: value.span() })
}

fn text<T>(value: &Value<'_>, read: impl Fn(&str) -> Result<T, Wrong>) -> Part<T> {
    located(value, read(value.text()?))
}

fn ports(value: &Value<'_>) -> Part<PortRange> {
    match value.as_text() {
        Some(text) => located(value, port::range(text)),
        None => located(value, port::number(value.integer(i64::MIN..=i64::MAX)?)),
    }
}

fn located<T>(value: &Value<'_>, read: Result<T, Wrong>) -> Part<T> {
    match read {
        Ok(read) => Ok(At { value: read, span: value.span() }),
        Err(wrong) => Err(wrong.report(value.span(), value.problems())),
    }
}
