//! A cut's name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A cut's name, such as `c3f9a1`: what `netsplit revert` takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CutId(String);

impl CutId {
    /// A name that no cut has had: 24 random bits are enough for the few cuts of a machine.
    pub fn random() -> Self {
        let mut bytes = [0_u8; 3];
        // The kernel's pool answers always once the machine is up; should it not, the clock will do.
        if rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty()).is_err() {
            let [.., a, b, c] = crate::clock::BootInstant::now().ns.to_be_bytes();
            bytes = [a, b, c];
        }
        let [a, b, c] = bytes;
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
