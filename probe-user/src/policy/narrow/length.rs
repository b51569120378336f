//! `longer_than = 1400`: a path-MTU black hole. Health checks pass, WAL does not.

use probe_ebpf::abi::Sieve;
use serde::{Deserialize, Serialize};

use super::Narrow;
use crate::document::{Reported, Value};

/// IP packets of more bytes than this, counted from the IP header on, as an MTU counts. Where the stack hands over
/// several segments at once, each segment's length counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongerThan(pub u32);

impl Narrow for LongerThan {
    const KEY: &'static str = "longer_than";

    fn read(value: &Value<'_>) -> Result<Self, Reported> {
        value.integer(1..=65_534).map(Self)
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
