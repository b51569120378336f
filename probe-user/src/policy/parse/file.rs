//! A policy's TOML.

use std::{convert::Infallible, path::Path};

use super::{
    draft::{Draft, Part, Parts},
    port, rule, shadow,
    word::{self, At, Wrong},
};
use crate::{
    document::{self, LoadError, Problem, Rejected, Reported, Span, Table, Value},
    policy::{Action, Direction, Flows, Narrowing, Policy, PortRange, Protocol, Rule},
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

/// Rejects a good policy for what one of its rules, counted from 0, met later: a cluster without a leader, a
/// backend that cannot honour it. `problem` gets the rule's place.
pub fn reject_rule(name: &str, text: &str, rule: usize, problem: impl FnOnce(Span) -> Problem) -> Rejected {
    let rejected = document::read(name, text, |file| {
        let tables = file.optional("rule").and_then(|rules| rules.tables("a rule").ok()).unwrap_or_default();
        let span = tables.get(rule).map_or_else(|| file.span(), Table::span);
        Err::<Infallible, _>(file.problems().report(problem(span)))
    });
    match rejected {
        Err(rejected) => rejected,
        Ok(never) => match never {},
    }
}

fn policy(name: &str, file: Table<'_>) -> Result<Policy, Reported> {
    let stem = || Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let description =
        file.optional("description").map_or_else(|| Ok(stem()), |v| v.text().map(str::to_owned));
    let rules = file
        .required("rule", "head each rule with [[rule]] on a line of its own")
        .and_then(|value| rules(&value));
    file.finish();
    Ok(Policy { description: description?, rules: rules? })
}

/// The rules of a list of `[[rule]]` tables, for a policy that stands in another file.
pub(crate) fn rules(value: &Value<'_>) -> Result<Vec<Rule>, Reported> {
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
    let draft = Draft {
        node: table
            .required("node", "say where the rule is enforced, as in node = \"@leader\" or node = \"local\"")
            .and_then(|value| text(&value, word::node)),
        direction: keyword(&table, "direction", Direction::In, Direction::WORDS),
        protocol: keyword(&table, "protocol", Protocol::Tcp, Protocol::WORDS),
        ports: list(&table, "ports", ports),
        peer_ports: list(&table, "peer_ports", ports),
        peers: list(&table, "peers", |value| text(value, word::peer)),
        flows: keyword(&table, "flows", Flows::All, Flows::WORDS),
        narrowing: Narrowing::read(&table).map(|value| At { value, span }),
        action: table
            .required("action", "say what happens to packets: action = \"drop\", \"reject\" or \"reset\"")
            .and_then(|value| Ok(At { value: value.keyword(Action::WORDS)?, span: value.span() })),
        loopback: table.optional("loopback").map_or(Ok(At { value: false, span }), |value| {
            Ok(At { value: value.boolean()?, span: value.span() })
        }),
        interfaces: list(&table, "interfaces", |value| text(value, word::interface)),
    };
    table.finish();
    rule::check(&draft, problems);
    Ok((span, draft.rule()?))
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
