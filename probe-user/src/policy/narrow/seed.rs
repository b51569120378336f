//! `seed = 7`: the same chances again.

use std::ops::RangeInclusive;

use probe_ebpf::abi::Sieve;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Narrow;
use crate::{
    document::{Reported, Value},
    schema::integer,
};

/// Which sequence of chances a rule with a probability takes. The same seed and the same packets give the same
/// losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Seed(pub u64);

/// What TOML can hold.
const BOUNDS: RangeInclusive<i64> = 0..=i64::MAX;

impl Narrow for Seed {
    const KEY: &'static str = "seed";

    fn read(value: &Value<'_>) -> Result<Self, Reported> {
        value.integer(BOUNDS).map(Self)
    }

    fn schema() -> serde_json::Value {
        integer(
            "Which sequence of chances: the same seed and the same packets give the same losses.",
            &BOUNDS,
        )
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
