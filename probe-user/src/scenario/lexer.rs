//! The words of an expression, each with its place.

use super::ExpressionError;

/// A word and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'text> {
    pub(super) symbol: Symbol<'text>,
    offset: usize,
    length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Symbol<'text> {
    Number(f64),
    /// Seconds.
    Span(f64),
    Word(&'text str),
    Plus,
    Minus,
    Times,
    Open,
    Close,
    /// A character that no expression has.
    Other,
}

impl Token<'_> {
    pub(super) fn error(&self, what: &str, help: &str) -> ExpressionError {
        ExpressionError {
            what: what.to_owned(),
            help: help.to_owned(),
            offset: self.offset,
            length: self.length,
        }
    }
}

pub(super) struct Lexer<'text> {
    text: &'text str,
    offset: usize,
    peeked: Option<Token<'text>>,
}

impl<'text> Lexer<'text> {
    pub(super) fn new(text: &'text str) -> Self {
        Self { text, offset: 0, peeked: None }
    }

    pub(super) fn peek(&mut self) -> Result<Option<Token<'text>>, ExpressionError> {
        if self.peeked.is_none() {
            self.peeked = self.scan()?;
        }
        Ok(self.peeked)
    }

    pub(super) fn next(&mut self) -> Result<Option<Token<'text>>, ExpressionError> {
        match self.peeked.take() {
            Some(token) => Ok(Some(token)),
            None => self.scan(),
        }
    }

    pub(super) fn end_error(&self, what: &str, help: &str) -> ExpressionError {
        ExpressionError { what: what.to_owned(), help: help.to_owned(), offset: self.text.len(), length: 0 }
    }

    fn scan(&mut self) -> Result<Option<Token<'text>>, ExpressionError> {
        let rest = &self.text[self.offset..];
        self.offset += rest.len() - rest.trim_start().len();
        let rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let symbol = match first {
            '+' => Symbol::Plus,
            '-' => Symbol::Minus,
            '*' => Symbol::Times,
            '(' => Symbol::Open,
            ')' => Symbol::Close,
            '0'..='9' | '.' => return self.number(rest).map(Some),
            'a'..='z' | 'A'..='Z' | '_' => {
                let word = prefix(rest, |c| c.is_ascii_alphanumeric() || c == '_');
                return Ok(Some(self.token(Symbol::Word(word), word.len())));
            }
            _ => Symbol::Other,
        };
        Ok(Some(self.token(symbol, first.len_utf8())))
    }

    fn number(&mut self, rest: &'text str) -> Result<Token<'text>, ExpressionError> {
        let digits = prefix(rest, |c| c.is_ascii_digit() || c == '.');
        let unit = prefix(&rest[digits.len()..], |c| c.is_ascii_alphabetic());
        let place = |offset, length| Token { symbol: Symbol::Other, offset, length };
        let Ok(value) = digits.parse::<f64>() else {
            let place = place(self.offset, digits.len());
            return Err(place.error("not a number", "write digits with at most one point, as in 1.5s"));
        };
        let symbol = match unit {
            "" => Symbol::Number(value),
            "ms" => Symbol::Span(value / 1e3),
            "s" => Symbol::Span(value),
            "m" => Symbol::Span(value * 60.0),
            "h" => Symbol::Span(value * 3600.0),
            _ => {
                let place = place(self.offset + digits.len(), unit.len());
                return Err(place.error("unknown unit", "the units are `ms`, `s`, `m` and `h`"));
            }
        };
        Ok(self.token(symbol, digits.len() + unit.len()))
    }

    fn token(&mut self, symbol: Symbol<'text>, length: usize) -> Token<'text> {
        let offset = self.offset;
        self.offset += length;
        Token { symbol, offset, length }
    }
}

fn prefix(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    &text[..end]
}
