//! `--vary KEY=A,B,…`: what is varied, and between what.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that is varied.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Factor {
    /// What, such as `action`, `ttl` or `step.2.wait`.
    pub key: String,
    /// What it is set to; two at least, none twice.
    pub levels: Vec<String>,
}

/// Why a factor cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactorError {
    /// There is no `=`.
    #[error("`{0}` does not say between what to vary; write KEY=A,B as in action=drop,reset")]
    NoLevels(String),
    /// A single level, or an empty one.
    #[error("`{0}` varies nothing: two levels at least, with a comma between them")]
    TooFew(String),
    /// The same level again.
    #[error("`{key}` is set to `{level}` twice; `--repeat` runs each combination several times")]
    Twice {
        /// The key.
        key: String,
        /// The level.
        level: String,
    },
}

impl FromStr for Factor {
    type Err = FactorError;

    fn from_str(text: &str) -> Result<Self, FactorError> {
        let (key, levels) = text.split_once('=').ok_or_else(|| FactorError::NoLevels(text.to_owned()))?;
        let key = key.trim().to_owned();
        let levels = split(levels);
        if key.is_empty() {
            return Err(FactorError::NoLevels(text.to_owned()));
        }
        if levels.len() < 2 || levels.iter().any(String::is_empty) {
            return Err(FactorError::TooFew(text.to_owned()));
        }
        for (index, level) in levels.iter().enumerate() {
            if levels[..index].contains(level) {
                return Err(FactorError::Twice { key, level: level.clone() });
            }
        }
        Ok(Self { key, levels })
    }
}

/// At commas, but for those within brackets, braces and quotes, as TOML has them in values.
fn split(text: &str) -> Vec<String> {
    let (mut levels, mut depth, mut quote) = (vec![String::new()], 0_usize, None);
    for letter in text.chars() {
        match (letter, quote) {
            (',', None) if depth == 0 => {
                levels.push(String::new());
                continue;
            }
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth = depth.saturating_sub(1),
            ('"' | '\'', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            _ => {}
        }
        if let Some(last) = levels.last_mut() {
            last.push(letter);
        }
    }
    levels.iter().map(|level| level.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_toml_values_with_commas_between() {
        for (text, key, levels) in [
            ("action=drop,reject, reset", "action", vec!["drop", "reject", "reset"]),
            ("ports=[5432,8008],[5432]", "ports", vec!["[5432,8008]", "[5432]"]),
            (
                "delay={ time = '1s', jitter = '1,5s' },{time='2s'}",
                "delay",
                vec!["{ time = '1s', jitter = '1,5s' }", "{time='2s'}"],
            ),
            ("step.2.wait=5s,50s", "step.2.wait", vec!["5s", "50s"]),
            ("description=\"a, b\",c", "description", vec!["\"a, b\"", "c"]),
        ] {
            let factor: Factor = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                (factor.key.as_str(), factor.levels),
                (key, levels.iter().map(|&l| l.to_owned()).collect())
            );
        }
    }

    #[test]
    fn what_varies_nothing_is_refused() {
        for bad in ["action", "=a,b", "action=", "action=drop", "action=drop,,reset", "action=drop,drop"] {
            assert!(bad.parse::<Factor>().is_err(), "{bad}");
        }
    }
}
