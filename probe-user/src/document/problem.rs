//! What is wrong with a text, where, and the way out.

use std::cell::RefCell;

use miette::{Diagnostic, LabeledSpan, NamedSource};

use super::Span;

/// One thing that is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub struct Problem {
    message: String,
    #[label(collection)]
    labels: Vec<LabeledSpan>,
    #[help]
    help: Option<String>,
}

impl Problem {
    /// A problem in one sentence, without its place.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), labels: Vec::new(), help: None }
    }

    /// Points at a place in the text and says what is there. The first place is the problem's own.
    #[must_use]
    pub fn at(mut self, span: Span, label: impl Into<String>) -> Self {
        self.labels.push(LabeledSpan::new_with_span(Some(label.into()), span));
        self
    }

    /// The way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The way out, if there is one to tell.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// The problem in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The way out.
    pub fn way_out(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// What is said at the problem's own place.
    pub fn label(&self) -> Option<&str> {
        self.labels.first().and_then(LabeledSpan::label)
    }

    /// Where the problem's own place begins, in bytes.
    pub fn offset(&self) -> Option<usize> {
        self.labels.first().map(LabeledSpan::offset)
    }
}

/// A place in a text as people count: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Position {
    /// The position of a byte of the text; the end of the text, if the byte lies behind it.
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

/// Proof that a problem was reported, so that the text will be rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported(());

/// The problems found so far.
#[derive(Debug, Default)]
pub struct Problems {
    found: RefCell<Vec<Problem>>,
}

impl Problems {
    /// Adds one.
    pub fn report(&self, problem: Problem) -> Reported {
        self.found.borrow_mut().push(problem);
        Reported(())
    }

    /// What was built, if nothing was reported; else every problem, in the order of the text.
    pub fn conclude<T>(self, name: &str, text: &str, built: Result<T, Reported>) -> Result<T, Rejected> {
        let mut problems = self.found.into_inner();
        match built {
            Ok(built) if problems.is_empty() => Ok(built),
            _ => {
                problems.sort_by_key(Problem::offset);
                Err(Rejected { text: NamedSource::new(name, text.to_owned()), problems })
            }
        }
    }
}

/// A text that cannot be used, with every problem it has.
#[derive(Clone, Debug, thiserror::Error, Diagnostic)]
#[error("{} cannot be used: {}", text.name(), count(problems.len()))]
pub struct Rejected {
    #[source_code]
    text: NamedSource<String>,
    #[related]
    problems: Vec<Problem>,
}

impl Rejected {
    /// The file's name, as it was given.
    pub fn name(&self) -> &str {
        self.text.name()
    }

    /// At least one, in the order of the text.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Where a problem of this text is.
    pub fn position(&self, problem: &Problem) -> Option<Position> {
        problem.offset().map(|offset| Position::of(self.text.inner(), offset))
    }
}

fn count(problems: usize) -> String {
    if problems == 1 { "one problem".to_owned() } else { format!("{problems} problems") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_as_people_do() {
        let text = "größe = 1\n\tx = 2\n";
        for (offset, line, column) in [(0, 1, 1), (7, 1, 6), (12, 2, 1), (13, 2, 2), (999, 3, 1)] {
            assert_eq!(Position::of(text, offset), Position { line, column }, "{offset}");
        }
    }

    #[test]
    fn what_was_built_counts_only_if_nothing_was_reported() {
        assert_eq!(Problems::default().conclude("x", "", Ok(1)).ok(), Some(1));

        let problems = Problems::default();
        problems.report(Problem::new("second").at((5, 1).into(), ""));
        problems.report(Problem::new("first").at((2, 1).into(), ""));
        let rejected = problems.conclude("x", "0123456", Ok(1)).expect_err("two problems");
        assert_eq!(rejected.to_string(), "x cannot be used: 2 problems");
        let messages: Vec<_> = rejected.problems().iter().map(Problem::message).collect();
        assert_eq!(messages, ["first", "second"]);
    }
}
