//! Time spans in terms of the cluster's own timings, such as `ttl + 2 * loop_wait + 5s`.
//!
//! ```text
//! sum      = product { ("+" | "-") product }
//! product  = factor { "*" factor }
//! factor   = number | span | name | "(" sum ")"
//! span     = number ("ms" | "s" | "m" | "h")
//! name     = "ttl" | "loop_wait" | "retry_timeout" | "cut"
//! ```
//!
//! Numbers multiply spans; the whole is a span. `cut` is how long the cut lasted, known after its revert.
//! A difference below zero counts as zero.

use std::{fmt, time::Duration};

use super::lexer::{Lexer, Symbol, Token};
use crate::{cluster::Timings, document::nearest};

/// A time span as its author wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    text: String,
    tree: Tree,
}

/// What names stand for when an expression is evaluated.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The cluster's timings.
    pub timings: Timings,
    /// How long the cut lasted, once it has been reverted.
    pub cut: Option<Duration>,
}

/// What is wrong with an expression, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ExpressionError {
    /// What is wrong there.
    pub what: String,
    /// The way out.
    pub help: String,
    /// Where it begins, in bytes of the text.
    pub offset: usize,
    /// How many bytes.
    pub length: usize,
}

/// A name that has no meaning yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`cut` is how long the cut lasted, and no cut was reverted yet")]
pub struct NotYetKnown;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Ttl,
    LoopWait,
    RetryTimeout,
    Cut,
}

const NAMES: [(&str, Name); 4] = [
    ("ttl", Name::Ttl),
    ("loop_wait", Name::LoopWait),
    ("retry_timeout", Name::RetryTimeout),
    ("cut", Name::Cut),
];

#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Number(f64),
    /// Seconds.
    Span(f64),
    Name(Name),
    Add(Box<Self>, Box<Self>),
    Subtract(Box<Self>, Box<Self>),
    Multiply(Box<Self>, Box<Self>),
}

impl Expression {
    /// Reads an expression.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut parser = Parser { lexer: Lexer::new(text) };
        let (tree, unit) = parser.sum(0)?;
        match parser.lexer.next()? {
            Some(token) => Err(token.error("not expected here", "put `+`, `-` or `*` between two parts")),
            None if unit == Unit::Number => Err(ExpressionError {
                what: "a number without a unit".to_owned(),
                help: "write `s` behind it for seconds, as in 10s".to_owned(),
                offset: 0,
                length: text.len(),
            }),
            None => Ok(Self { text: text.trim().to_owned(), tree }),
        }
    }

    /// One that stands in the program itself: a mistake in it is one of ours.
    pub(super) fn built_in(text: &'static str) -> Self {
        Self::parse(text).unwrap_or_else(|error| unreachable!("`{text}`: {error}"))
    }

    /// The time span.
    pub fn evaluate(&self, scope: &Scope) -> Result<Duration, NotYetKnown> {
        let seconds = self.tree.value(scope)?;
        Ok(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
    }

    /// Whether `cut` appears in it.
    pub fn needs_cut(&self) -> bool {
        self.tree.names(Name::Cut)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Tree {
    #[expect(clippy::cast_precision_loss, reason = "timings are far below 2^52 seconds")]
    fn value(&self, scope: &Scope) -> Result<f64, NotYetKnown> {
        Ok(match self {
            Self::Number(value) | Self::Span(value) => *value,
            Self::Name(Name::Ttl) => scope.timings.ttl as f64,
            Self::Name(Name::LoopWait) => scope.timings.loop_wait as f64,
            Self::Name(Name::RetryTimeout) => scope.timings.retry_timeout as f64,
            Self::Name(Name::Cut) => scope.cut.ok_or(NotYetKnown)?.as_secs_f64(),
            Self::Add(left, right) => left.value(scope)? + right.value(scope)?,
            Self::Subtract(left, right) => left.value(scope)? - right.value(scope)?,
            Self::Multiply(left, right) => left.value(scope)? * right.value(scope)?,
        })
    }

    fn names(&self, wanted: Name) -> bool {
        match self {
            Self::Name(name) => *name == wanted,
            Self::Number(_) | Self::Span(_) => false,
            Self::Add(left, right) | Self::Subtract(left, right) | Self::Multiply(left, right) => {
                left.names(wanted) || right.names(wanted)
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Number,
    Time,
}

/// Parentheses nest this deep at most, so that no file can exhaust the stack.
const DEEPEST: usize = 32;

struct Parser<'text> {
    lexer: Lexer<'text>,
}

impl Parser<'_> {
    fn sum(&mut self, depth: usize) -> Result<(Tree, Unit), ExpressionError> {
        let (mut tree, unit) = self.product(depth)?;
        while let Some(token) = self.lexer.peek()? {
            let join = match token.symbol {
                Symbol::Plus => Tree::Add,
                Symbol::Minus => Tree::Subtract,
                _ => break,
            };
            self.lexer.next()?;
            let (right, other) = self.product(depth)?;
            if unit != other {
                return Err(token.error(
                    "a number and a time span cannot be added",
                    "give both a unit, or multiply: `2 * loop_wait`, `ttl + 5s`",
                ));
            }
            tree = join(Box::new(tree), Box::new(right));
        }
        Ok((tree, unit))
    }

    fn product(&mut self, depth: usize) -> Result<(Tree, Unit), ExpressionError> {
        let (mut tree, mut unit) = self.factor(depth)?;
        while let Some(token) = self.lexer.peek()? {
            if token.symbol != Symbol::Times {
                break;
            }
            self.lexer.next()?;
            let (right, other) = self.factor(depth)?;
            if unit == Unit::Time && other == Unit::Time {
                return Err(token.error(
                    "two time spans cannot be multiplied",
                    "one side of `*` is a number, as in `2 * loop_wait`",
                ));
            }
            if other == Unit::Time {
                unit = Unit::Time;
            }
            tree = Tree::Multiply(Box::new(tree), Box::new(right));
        }
        Ok((tree, unit))
    }

    fn factor(&mut self, depth: usize) -> Result<(Tree, Unit), ExpressionError> {
        let Some(token) = self.lexer.next()? else {
            return Err(self.lexer.end_error("a time span is missing here", "write one, as in 10s or `ttl`"));
        };
        match token.symbol {
            Symbol::Number(value) => Ok((Tree::Number(value), Unit::Number)),
            Symbol::Span(seconds) => Ok((Tree::Span(seconds), Unit::Time)),
            Symbol::Word(word) => match NAMES.iter().find(|(name, _)| *name == word) {
                Some((_, name)) => Ok((Tree::Name(*name), Unit::Time)),
                None => Err(unknown_name(&token, word)),
            },
            Symbol::Open if depth == DEEPEST => {
                Err(token.error("too many parentheses", "write it with fewer of them"))
            }
            Symbol::Open => {
                let inner = self.sum(depth + 1)?;
                match self.lexer.next()? {
                    Some(Token { symbol: Symbol::Close, .. }) => Ok(inner),
                    _ => Err(token.error("this parenthesis is never closed", "add a `)`")),
                }
            }
            _ => Err(token.error("a time span is missing here", "write one, as in 10s or `ttl`")),
        }
    }
}

fn unknown_name(token: &Token<'_>, word: &str) -> ExpressionError {
    let help = match nearest(word, NAMES.iter().map(|(name, _)| *name)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "the names are `ttl`, `loop_wait`, `retry_timeout` and `cut`".to_owned(),
    };
    token.error("unknown name", &help)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FAST: Timings = Timings { ttl: 20, loop_wait: 1, retry_timeout: 3 };

    fn seconds(text: &str) -> f64 {
        let scope = Scope { timings: FAST, cut: Some(Duration::from_secs(40)) };
        Expression::parse(text).expect(text).evaluate(&scope).expect(text).as_secs_f64()
    }

    #[test]
    fn spans_are_what_they_say() {
        for (text, expected) in [
            ("10s", 10.0),
            ("500ms", 0.5),
            ("1.5s", 1.5),
            ("2m", 120.0),
            ("1h", 3600.0),
            ("ttl", 20.0),
            ("ttl + 2 * loop_wait + 5s", 27.0),
            ("ttl+2*loop_wait+5s", 27.0),
            ("retry_timeout * 3", 9.0),
            ("(ttl + 1s) * 2", 42.0),
            ("2 * 3 * 1s", 6.0),
            ("ttl - 5s - 5s", 10.0),
            ("5s - ttl", 0.0),
            ("cut + 60s", 100.0),
            (" ttl ", 20.0),
        ] {
            assert!((seconds(text) - expected).abs() < 1e-9, "{text}: {}", seconds(text));
        }
    }

    #[test]
    fn mistakes_are_told_at_their_place() {
        for (text, what, offset) in [
            ("", "a time span is missing here", 0),
            ("10", "a number without a unit", 0),
            ("ttl +", "a time span is missing here", 5),
            ("tll + 5s", "unknown name", 0),
            ("ttl + 5", "a number and a time span cannot be added", 4),
            ("ttl * loop_wait", "two time spans cannot be multiplied", 4),
            ("(ttl", "this parenthesis is never closed", 0),
            ("ttl 5s", "not expected here", 4),
            ("5 parsecs", "not expected here", 2),
            ("5days", "unknown unit", 1),
            ("ttl / 2", "not expected here", 4),
            ("ttl + é", "a time span is missing here", 6),
            ("1.2.3s", "not a number", 0),
        ] {
            let error = Expression::parse(text).expect_err(text);
            assert_eq!((error.what.as_str(), error.offset), (what, offset), "{text}");
        }
    }

    #[test]
    fn the_cut_has_no_length_before_it_was_reverted() {
        let scope = Scope { timings: FAST, cut: None };
        let expression = Expression::parse("cut + 5s").expect("valid");
        assert!(expression.needs_cut());
        assert_eq!(expression.evaluate(&scope), Err(NotYetKnown));
    }

    fn tree() -> impl Strategy<Value = (String, f64)> {
        let leaf = prop_oneof![
            (0u32..1000).prop_map(|n| (format!("{n}s"), f64::from(n))),
            (0u32..100_000).prop_map(|n| (format!("{n}ms"), f64::from(n) / 1e3)),
            Just(("ttl".to_owned(), 20.0)),
            Just(("loop_wait".to_owned(), 1.0)),
            Just(("retry_timeout".to_owned(), 3.0)),
        ];
        leaf.prop_recursive(4, 24, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(l, r)| (format!("({} + {})", l.0, r.0), l.1 + r.1)),
                (inner.clone(), inner.clone()).prop_map(|(l, r)| (format!("({}-{})", l.0, r.0), l.1 - r.1)),
                (0u32..10, inner).prop_map(|(n, r)| (format!("{n} * {}", r.0), f64::from(n) * r.1)),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_with_a_place_inside_it(text in ".{0,40}") {
            if let Err(error) = Expression::parse(&text) {
                prop_assert!(error.offset + error.length <= text.len());
                prop_assert!(text.is_char_boundary(error.offset));
                prop_assert!(text.is_char_boundary(error.offset + error.length));
            }
        }

        #[test]
        fn what_is_written_is_what_is_meant((text, expected) in tree()) {
            let expected = expected.max(0.0);
            prop_assert!((seconds(&text) - expected).abs() < 1e-6 * expected.max(1.0), "{text}");
        }
    }
}
