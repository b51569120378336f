//! One value, and what it can turn into.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr, time::Duration};

use toml::{Spanned, de::DeValue};

use super::{Problem, Problems, Reported, Span, Table, list_of, nearest};

/// A value of a field, or an entry of its list.
#[derive(Clone, Copy, Debug)]
pub struct Value<'d> {
    key: &'d str,
    in_list: bool,
    content: &'d Spanned<DeValue<'d>>,
    problems: &'d Problems,
}

impl<'d> Value<'d> {
    pub(super) fn new(key: &'d str, content: &'d Spanned<DeValue<'d>>, problems: &'d Problems) -> Self {
        Self { key, in_list: false, content, problems }
    }

    /// The value's place, quotes and brackets included.
    pub fn span(&self) -> Span {
        self.content.span().into()
    }

    /// The field's name.
    pub fn key(&self) -> &'d str {
        self.key
    }

    /// Where to report what the readers here cannot know.
    pub fn problems(&self) -> &'d Problems {
        self.problems
    }

    /// Reports that this value will not do: the problem, what the value is instead, the way out.
    pub fn refuse(
        &self,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Reported {
        self.problems.report(Problem::new(message).at(self.span(), label).help(help))
    }

    /// The text, if the value is one: to choose between two readers.
    pub fn as_text(&self) -> Option<&'d str> {
        self.content.get_ref().as_str()
    }

    /// Whether the value is a table.
    pub fn is_table(&self) -> bool {
        self.content.get_ref().is_table()
    }

    /// A text.
    pub fn text(&self) -> Result<&'d str, Reported> {
        self.as_text().ok_or_else(|| self.wrong_type("a text", "put it in quotes"))
    }

    /// A text that `T` can read; `help` tells what to write instead.
    pub fn parse<T: FromStr<Err: Display>>(&self, help: &str) -> Result<T, Reported> {
        let text = self.text()?;
        text.parse().map_err(|error: T::Err| {
            self.refuse(format!("{} cannot be `{text}`", self.subject()), error.to_string(), help)
        })
    }

    /// One of a few words.
    pub fn keyword<T: Copy>(&self, words: &[(&'static str, T)]) -> Result<T, Reported> {
        let text = self.text()?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(*meaning);
        }
        let known = || words.iter().map(|(word, _)| *word);
        let help = match nearest(text, known()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("write {}", list_of(known(), "or")),
        };
        Err(self.refuse(format!("{} cannot be `{text}`", self.subject()), "unknown word", help))
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Result<bool, Reported> {
        let value = self.content.get_ref().as_bool();
        value.ok_or_else(|| self.wrong_type("true or false", "write true or false, without quotes"))
    }

    /// A whole number within bounds.
    pub fn integer<T: TryFrom<i64>>(&self, bounds: RangeInclusive<i64>) -> Result<T, Reported> {
        let Some(integer) = self.content.get_ref().as_integer() else {
            return Err(self.wrong_type("a whole number", "write digits, without quotes"));
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        number
            .filter(|number| bounds.contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| {
                self.refuse(
                    format!("{} is out of range", self.subject()),
                    "this number is too small or too large",
                    format!("write a number from {} to {}", bounds.start(), bounds.end()),
                )
            })
    }

    /// A number, whole or not.
    pub fn number(&self) -> Result<f64, Reported> {
        let value = self.content.get_ref();
        let text = value.as_float().map(|float| float.as_str().to_owned()).or_else(|| {
            let integer = value.as_integer()?;
            i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|integer| integer.to_string())
        });
        let number = text.and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite());
        number.ok_or_else(|| self.wrong_type("a number", "write digits, without quotes, as in 1.5"))
    }

    /// A time span such as `"10s"`, `"1m 30s"` or `"500ms"`; never negative.
    pub fn duration(&self) -> Result<Duration, Reported> {
        const HELP: &str = "write a number with its unit, as in \"10s\", \"1m 30s\" or \"500ms\"";
        let Some(text) = self.as_text() else {
            return Err(self.wrong_type("a time span", HELP));
        };
        let span = text.parse::<jiff::SignedDuration>().ok();
        span.and_then(|span| Duration::try_from(span).ok()).ok_or_else(|| {
            self.refuse(format!("{} is not a time span", self.subject()), "not understood", HELP)
        })
    }

    /// The entries of a list; an empty list is one, too.
    pub fn list(&self) -> Result<Vec<Self>, Reported> {
        let Some(entries) = self.content.get_ref().as_array() else {
            return Err(self.wrong_type("a list", "put it in brackets, with commas between its entries"));
        };
        Ok(entries.iter().map(|entry| self.entry(entry)).collect())
    }

    /// A table; `what` is what messages call it, such as `a rule`.
    pub fn table(&self, what: &'static str) -> Result<Table<'d>, Reported> {
        let table = self.content.get_ref().as_table();
        let help = || format!("write a table, as in [{}] on a line of its own", self.key);
        table
            .map(|table| Table::new(what, table, self.span(), self.problems))
            .ok_or_else(|| self.wrong_type("a table", help()))
    }

    /// The tables of `[[key]]`; `what` is what messages call one of them.
    pub fn tables(&self, what: &'static str) -> Result<Vec<Table<'d>>, Reported> {
        let help = || format!("head each of them with [[{}]] on a line of its own", self.key);
        let entries = self.content.get_ref().as_array();
        let entries = entries.ok_or_else(|| self.wrong_type("a list of tables", help()))?;
        entries.iter().map(|entry| self.entry(entry).table(what)).collect()
    }

    fn entry(&self, content: &'d Spanned<DeValue<'d>>) -> Self {
        Self { in_list: true, content, ..*self }
    }

    fn subject(&self) -> String {
        if self.in_list { format!("an entry of `{}`", self.key) } else { format!("`{}`", self.key) }
    }

    fn wrong_type(&self, wanted: &str, help: impl Into<String>) -> Reported {
        let found = match self.content.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.refuse(format!("{} must be {wanted}", self.subject()), format!("this is {found}"), help)
    }
}
