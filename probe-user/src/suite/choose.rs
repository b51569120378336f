//! `--only`: some of a suite's scenarios.

use super::Suite;
use crate::document::{list_of, nearest};

/// A name that fits no scenario of the suite.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("no scenario here is called `{written}`")]
pub struct UnknownScenario {
    /// What was asked for.
    pub written: String,
    /// The way out.
    #[help]
    pub help: String,
}

impl Suite {
    /// Only the scenarios whose ids fit one of the patterns, in the suite's order; all of them, if there is no
    /// pattern. `*` in a pattern stands for any text. Every pattern must fit something.
    pub fn only(mut self, patterns: &[String]) -> Result<Self, UnknownScenario> {
        if patterns.is_empty() {
            return Ok(self);
        }
        let ids: Vec<&str> = self.scenarios().map(|prepared| prepared.scenario().id.as_str()).collect();
        if let Some(written) = patterns.iter().find(|pattern| !ids.iter().any(|id| fits(pattern, id))) {
            let help = match nearest(written, ids.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`? `--list` prints all of them"),
                None if ids.len() <= 8 => format!("there are {}", list_of(ids, "and")),
                None => "`--list` prints the ids; `*` stands for any text, as in 'standby-*'".to_owned(),
            };
            return Err(UnknownScenario { written: written.clone(), help });
        }
        for section in &mut self.sections {
            let wanted = |id: &str| patterns.iter().any(|pattern| fits(pattern, id));
            section.scenarios.retain(|prepared| wanted(&prepared.scenario().id));
        }
        self.sections.retain(|section| !section.scenarios.is_empty());
        Ok(self)
    }
}

/// Whether a text fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| fits(rest, &text[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_is_any_text() {
        for (pattern, text, expected) in [
            ("log-1", "log-1", true),
            ("log-1", "log-10", false),
            ("*", "", true),
            ("standby-*", "standby-isolation-1B", true),
            ("*-1", "standby-isolation-1B", false),
            ("*1*", "standby-isolation-1B", true),
            ("s*-*-4", "standby-process-4", true),
            ("é*", "éa", true),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
