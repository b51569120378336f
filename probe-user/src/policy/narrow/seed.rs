//! `seed = 7`: the same chances again.

use probe_ebpf::abi::Sieve;
use serde::{Deserialize, Serialize};

use super::Narrow;
use crate::document::{Reported, Value};

/// Which sequence of chances a rule with a probability takes. The same seed and the same packets give the same
/// losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed(pub u64);

impl Narrow for Seed {
    const KEY: &'static str = "seed";

    fn read(value: &Value<'_>) -> Result<Self, Reported> {
        value.integer(0..=i64::MAX).map(Self)
    }

    fn toml(&self) -> String {
        self.0.to_string()
    }

    fn phrase(&self) -> String {
        format!("seed {}", self.0)
    }

    fn fill(&self, sieve: &mut Sieve) {
        sieve.chance.seed = self.0;
    }
}
