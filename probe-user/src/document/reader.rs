//! From text to table.

use serde::de::DeserializeOwned;
use toml::{Spanned, de::DeTable};

use super::{Problem, Problems, Rejected, Reported, Span, Table};

/// Reads a TOML text, and builds what it stands for.
///
/// `name` is what error messages call the text, usually its path. Mistakes in the TOML itself are all told
/// before `builder` is asked; what it reports is told in the order of the text.
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
    let (root, errors) = DeTable::parse_recoverable(text);
    errors.iter().map(|error| problems.report(syntax(error))).last().map_or(Ok(root), Err)
}

fn syntax(error: &toml::de::Error) -> Problem {
    Problem::new("this is not TOML").at(span(error), error.message())
}

fn typed(error: &toml::de::Error) -> Problem {
    Problem::new("a value is not what it should be").at(span(error), error.message())
}

fn span(error: &toml::de::Error) -> Span {
    error.span().unwrap_or_default().into()
}
