//! `tcp_flags = ["fin", "!syn"]`: a lost FIN, a handshake that never ends.

use std::fmt;

use probe_ebpf::abi::Sieve;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Narrow;
use crate::{
    document::{Reported, Value, nearest},
    schema::some_of,
};

/// Segments in which some control bits (RFC 9293 3.1) are set and others are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct TcpFlags {
    /// The bits that are looked at.
    pub mask: u8,
    /// What they are.
    pub value: u8,
}

/// The control bits by name.
const BITS: &[(&str, u8)] = &[
    ("fin", 0x01),
    ("syn", 0x02),
    ("rst", 0x04),
    ("psh", 0x08),
    ("ack", 0x10),
    ("urg", 0x20),
    ("ece", 0x40),
    ("cwr", 0x80),
];

impl TcpFlags {
    /// Adds one bit by its name, with `!` before it if it must not be set. `Err` says what is wrong.
    fn with(mut self, word: &str) -> Result<Self, String> {
        let (name, set) = word.strip_prefix('!').map_or((word, true), |name| (name, false));
        let Some((_, bit)) = BITS.iter().find(|(known, _)| *known == name) else {
            let known = || BITS.iter().map(|(known, _)| *known);
            let names = known().collect::<Vec<_>>().join(", ");
            let meant = nearest(name, known())
                .map_or(format!("the names are {names}"), |meant| format!("did you mean `{meant}`?"));
            return Err(meant);
        };
        if self.mask & bit != 0 {
            return Err(format!("`{name}` is named twice"));
        }
        self.mask |= bit;
        if set {
            self.value |= bit;
        }
        Ok(self)
    }

    fn words(self) -> Vec<String> {
        let named = BITS.iter().filter(|(_, bit)| self.mask & bit != 0);
        named
            .map(|(name, bit)| if self.value & bit == 0 { format!("!{name}") } else { (*name).to_owned() })
            .collect()
    }
}

impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(" "))
    }
}

impl From<TcpFlags> for Vec<String> {
    fn from(flags: TcpFlags) -> Self {
        flags.words()
    }
}

impl TryFrom<Vec<String>> for TcpFlags {
    type Error = String;

    fn try_from(words: Vec<String>) -> Result<Self, String> {
        words.iter().try_fold(Self { mask: 0, value: 0 }, |flags, word| flags.with(word))
    }
}

impl Narrow for TcpFlags {
    const KEY: &'static str = "tcp_flags";
    const TCP_ONLY: bool = true;

    fn read(value: &Value<'_>) -> Result<Self, Reported> {
        let entries = value.list()?;
        if entries.is_empty() {
            let help = "name control bits, as in [\"fin\", \"!syn\"], or leave `tcp_flags` out";
            return Err(value.refuse("`tcp_flags` is empty", "matches every segment", help));
        }
        entries.iter().try_fold(Self { mask: 0, value: 0 }, |flags, entry| {
            let word = entry.text()?;
            flags
                .with(word)
                .map_err(|help| entry.refuse(format!("`{word}` is no control bit here"), "not one", help))
        })
    }

    fn schema() -> serde_json::Value {
        let words: Vec<_> =
            BITS.iter().flat_map(|(name, _)| [(*name).to_owned(), format!("!{name}")]).collect();
        let about = "Only TCP segments with these control bits; `!` stands before one that must not be set.";
        some_of(about, &serde_json::json!({"enum": words}))
    }

    fn toml(&self) -> String {
        let words: Vec<_> = self.words().iter().map(|word| format!("\"{word}\"")).collect();
        format!("[{}]", words.join(", "))
    }

    fn phrase(&self) -> String {
        format!("segments with {self}")
    }

    fn fill(&self, sieve: &mut Sieve) {
        sieve.flags.mask = self.mask;
        sieve.flags.value = self.value;
    }
}
