//! `longer_than = 1400`: a path-MTU black hole. Health checks pass, WAL does not.

use std::ops::RangeInclusive;

use probe_ebpf::abi::Sieve;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Narrow;
use crate::{
    document::{Reported, Value},
    schema::integer,
};

/// IP packets of more bytes than this, counted from the IP header on, as an MTU counts. Where the stack hands over
/// several segments at once, each segment's length counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct LongerThan(pub u32);

/// In bytes.
const BOUNDS: RangeInclusive<i64> = 1..=65_534;

impl Narrow for LongerThan {
    const KEY: &'static str = "longer_than";

    fn read(value: &Value<'_>) -> Result<Self, Reported> {
        value.integer(BOUNDS).map(Self)
    }

    fn schema() -> serde_json::Value {
        integer("Only IP packets of more bytes than this, counted from the IP header on.", &BOUNDS)
    }

    fn toml(&self) -> String {
        self.0.to_string()
    }

    fn phrase(&self) -> String {
        format!("packets longer than {} bytes", self.0)
    }

    fn fill(&self, sieve: &mut Sieve) {
        sieve.length.longer_than = self.0;
    }
}
