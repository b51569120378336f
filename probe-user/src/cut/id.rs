//! A cut's name.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::random;

/// A cut's name, such as `c3f9a1`: what `netsplit revert` takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CutId(String);

impl CutId {
    /// A name that no cut has had: 24 random bits are enough for the few cuts of a machine.
    pub fn random() -> Self {
        let [a, b, c] = random::bytes();
        Self(format!("{a:02x}{b:02x}{c:02x}"))
    }
}

impl fmt::Display for CutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for CutId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let good = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if good {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err("a cut's id is six hexadecimal digits; `netsplit status` shows them".to_owned())
        }
    }
}
