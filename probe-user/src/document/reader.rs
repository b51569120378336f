//! From text to table.

use serde::de::DeserializeOwned;
use toml::{Spanned, de::DeTable};

use super::{Position, Problem, Problems, Rejected, Reported, Span, Table, nearest};

/// A text with more errors than these is not one that was meant to be TOML.
const MOST_ERRORS: usize = 10;

/// Reads a TOML text, and builds what it stands for.
///
/// `name` is what error messages call the text, usually its path. Mistakes in the TOML itself are told, one
/// a line, before `builder` is asked; what it reports is told in the order of the text.
pub fn read<T>(
    name: &str,
    text: &str,
    builder: impl for<'d> FnOnce(Table<'d>) -> Result<T, Reported>,
) -> Result<T, Rejected> {
    let problems = Problems::default();
    let built = parse(text, &problems)
        .and_then(|root| builder(Table::new("the file", root.get_ref(), (0, 0).into(), &problems)));
    problems.conclude(name, text, built)
}

/// Reads a TOML text into a type that says by itself what it accepts. Stops at the first problem that is
/// not one of syntax: for files that machines write, too.
pub fn deserialize<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Rejected> {
    let problems = Problems::default();
    let built = parse(text, &problems)
        .and_then(|_| toml::from_str(text).map_err(|error| problems.report(typed(&error))));
    problems.conclude(name, text, built)
}

fn parse<'t>(text: &'t str, problems: &Problems) -> Result<Spanned<DeTable<'t>>, Reported> {
    let (root, mut errors) = DeTable::parse_recoverable(text);
    // What the parser finds further on in a line is mostly an echo of its first error there.
    errors.dedup_by_key(|error| Position::of(text, span(error).offset()).line);
    let reported = errors.iter().take(MOST_ERRORS).map(|error| problems.report(syntax(error))).last();
    reported.map_or(Ok(root), Err)
}

fn syntax(error: &toml::de::Error) -> Problem {
    Problem::new("this is not TOML")
        .at(span(error), error.message())
        .help("texts stand in quotes, lists in brackets, and each field on a line of its own")
}

/// What serde says in one sentence, as in "unknown field x, expected one of a, b", told as we tell it.
fn typed(error: &toml::de::Error) -> Problem {
    let (message, expected) = match error.message().split_once(", expected ") {
        Some((message, expected)) => (message, Some(expected)),
        None => (error.message(), None),
    };
    let written = quoted(message).next().unwrap_or_default();
    let help = match expected {
        Some(expected) => match nearest(written, quoted(expected)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("what is expected here: {}", expected.trim_start_matches("one of ")),
        },
        None if message.starts_with("missing field") => format!("add `{written}` here"),
        None => "write what the message asks for".to_owned(),
    };
    Problem::new(message).at(span(error), "this will not do").help(help)
}

/// The words in backticks.
fn quoted(sentence: &str) -> impl Iterator<Item = &str> {
    sentence.split('`').skip(1).step_by(2)
}

fn span(error: &toml::de::Error) -> Span {
    error.span().unwrap_or_default().into()
}
