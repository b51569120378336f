//! Where in a file a key of `--vary` points to, and how a value gets there.

use toml_edit::{Item, TableLike, Value};

use super::VariantError;

/// Keys of a scenario's `[lab]` table.
pub(super) const LAB: [&str; 6] = ["local", "patroni", "etcd_members", "ttl", "loop_wait", "retry_timeout"];

/// Where a key points to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// A field of the scenario's file.
    Scenario(Vec<Segment>),
    /// Fields of each policy that the scenario applies, in files or in its own steps.
    Cuts(Vec<Vec<Segment>>),
}

/// One step on the way to a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Segment {
    Key(String),
    /// An entry of a list, from 0.
    Entry(usize),
    /// Every entry of a list.
    All,
}

impl Place {
    /// What a key means: a word of the lab's, a word of every rule's and topology's, or a path.
    pub(super) fn of(key: &str) -> Result<Self, VariantError> {
        let segments: Vec<&str> = key.split('.').collect();
        let word = |word: &str| Segment::Key(word.to_owned());
        match segments.as_slice() {
            [only] if LAB.contains(only) => Ok(Self::Scenario(vec![word("lab"), word(only)])),
            [only] => {
                let every = |part: &str| vec![word(part), Segment::All, word(only)];
                Ok(Self::Cuts(vec![every("rule"), every("topology")]))
            }
            ["rule" | "topology", ..] => Ok(Self::Cuts(vec![path(key, &segments)?])),
            _ => path(key, &segments).map(Self::Scenario),
        }
    }
}

/// Words and numbers, with a number after each list's name: `step.2.wait`; without one, all entries: `rule.action`.
fn path(key: &str, segments: &[&str]) -> Result<Vec<Segment>, VariantError> {
    const LISTS: [&str; 5] = ["step", "rule", "topology", "expect", "deviation"];
    let mut path = Vec::new();
    let mut words = segments.iter().peekable();
    while let Some(&word) = words.next() {
        path.push(Segment::Key(word.to_owned()));
        if !LISTS.contains(&word) {
            continue;
        }
        let number = words.peek().and_then(|next| next.parse::<usize>().ok());
        path.push(match number {
            Some(0) => {
                return Err(VariantError::nowhere(
                    key,
                    "there is no entry 0",
                    "the first one is 1, as in step.1.wait".to_owned(),
                ));
            }
            Some(number) => {
                words.next();
                Segment::Entry(number - 1)
            }
            None => Segment::All,
        });
    }
    Ok(path)
}

/// Puts the value wherever the path leads to in what is there; tables that are missing on the last step's way are made.
/// Gives how many places that were.
pub(super) fn put(table: &mut dyn TableLike, path: &[Segment], value: &Value) -> usize {
    match path {
        [Segment::Key(key)] => {
            table.insert(key, Item::Value(value.clone()));
            1
        }
        [Segment::Key(key), rest @ ..] => {
            if !table.contains_key(key) && matches!(rest, [Segment::Key(_)]) {
                table.insert(key, Item::Table(toml_edit::Table::new()));
            }
            table.get_mut(key).map_or(0, |item| within(item, rest, value))
        }
        _ => 0,
    }
}

fn within(item: &mut Item, path: &[Segment], value: &Value) -> usize {
    let (entry, rest) = match path {
        [Segment::Entry(entry), rest @ ..] => (Some(*entry), rest),
        [Segment::All, rest @ ..] => (None, rest),
        _ => return item.as_table_like_mut().map_or(0, |table| put(table, path, value)),
    };
    let wanted = |index: &usize| entry.is_none_or(|entry| entry == *index);
    if let Some(tables) = item.as_array_of_tables_mut() {
        let chosen = tables.iter_mut().enumerate().filter(|(index, _)| wanted(index));
        return chosen.map(|(_, table)| put(table, rest, value)).sum();
    }
    let values = item.as_array_mut().map(|array| array.iter_mut().enumerate()).into_iter().flatten();
    let chosen = values.filter(|(index, _)| wanted(index));
    chosen.filter_map(|(_, one)| one.as_inline_table_mut().map(|table| put(table, rest, value))).sum()
}

/// A TOML value, or a text without quotes.
pub(super) fn value_of(level: &str) -> Value {
    level.parse().unwrap_or_else(|_| Value::from(level))
}
