//! A table of fields, each asked for by name.

use std::cell::RefCell;

use toml::de::DeTable;

use super::{Problem, Problems, Reported, Span, Value, list_of, nearest};

/// A table, and which of its fields were asked for; [`Table::finish`] reports the others.
#[must_use = "`finish` reports unknown fields"]
#[derive(Debug)]
pub struct Table<'d> {
    what: &'static str,
    fields: &'d DeTable<'d>,
    span: Span,
    problems: &'d Problems,
    asked: RefCell<Vec<&'static str>>,
}

impl<'d> Table<'d> {
    /// `what` is what messages call the table, such as `a rule`.
    pub(super) fn new(
        what: &'static str,
        fields: &'d DeTable<'d>,
        span: Span,
        problems: &'d Problems,
    ) -> Self {
        Self { what, fields, span, problems, asked: RefCell::default() }
    }

    /// The same table, called otherwise in messages, such as `a policy`.
    pub fn named(mut self, what: &'static str) -> Self {
        self.what = what;
        self
    }

    /// The table's place: its header, or all of an inline table.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Where to report what the readers of single values cannot know.
    pub fn problems(&self) -> &'d Problems {
        self.problems
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether the field is there, without asking for it.
    pub fn has(&self, key: &str) -> bool {
        self.fields.contains_key(key)
    }

    /// The names of the fields that are there, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &'d str> + use<'d> {
        self.fields.keys().map(|key| key.get_ref().as_ref())
    }

    /// A field that may be missing.
    pub fn optional(&self, key: &'static str) -> Option<Value<'d>> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        let (_, value) = self.fields.get_key_value(key)?;
        Some(Value::new(key, value, self.problems))
    }

    /// A field that must be there; `help` tells what to write.
    pub fn required(&self, key: &'static str, help: &str) -> Result<Value<'d>, Reported> {
        self.optional(key).ok_or_else(|| {
            self.problems.report(
                Problem::new(format!("{} needs `{key}`", self.what))
                    .at(self.span, format!("`{key}` is missing"))
                    .help(help),
            )
        })
    }

    /// Reports every field that was not asked for.
    pub fn finish(self) {
        let asked = self.asked.into_inner();
        for key in self.fields.keys() {
            let name = key.get_ref().as_ref();
            if asked.contains(&name) {
                continue;
            }
            let help = match nearest(name, asked.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("{} has {}", self.what, list_of(asked.iter().copied(), "and")),
            };
            self.problems.report(
                Problem::new(format!("{} has no field `{name}`", self.what))
                    .at(key.span().into(), "unknown field")
                    .help(help),
            );
        }
    }
}
