//! `from_packet = 10`, `from_byte = 65536`: a connection that is cut in the middle.

use std::ops::RangeInclusive;

use probe_ebpf::abi::Sieve;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Narrow;
use crate::{
    document::{Reported, Value},
    schema::integer,
};

/// The n-th packet of a flow and all later ones, counted from 1 and from when the rule came into force, in the rule's
/// direction. What the stack hands over as one piece counts as one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct FromPacket(pub u64);

/// The packet with the n-th byte of a flow and all later ones; IP headers count, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct FromByte(pub u64);

/// The first of a flow is every one of it.
const BOUNDS: RangeInclusive<i64> = 2..=i64::MAX;

impl Narrow for FromPacket {
    const KEY: &'static str = "from_packet";

    fn read(value: &Value<'_>) -> Result<Self, Reported> {
        value.integer(BOUNDS).map(Self)
    }

    fn schema() -> serde_json::Value {
        integer("Only the packet of this number in a flow and all later ones, counted from 1.", &BOUNDS)
    }

    fn toml(&self) -> String {
        self.0.to_string()
    }

    fn phrase(&self) -> String {
        format!("from packet {} of a flow on", self.0)
    }

    fn fill(&self, sieve: &mut Sieve) {
        sieve.position.packet = self.0;
    }
}

impl Narrow for FromByte {
    const KEY: &'static str = "from_byte";

    fn read(value: &Value<'_>) -> Result<Self, Reported> {
        value.integer(BOUNDS).map(Self)
    }

    fn schema() -> serde_json::Value {
        integer(
            "Only the packet with the byte of this number in a flow and all later ones; IP headers count.",
            &BOUNDS,
        )
    }

    fn toml(&self) -> String {
        self.0.to_string()
    }

    fn phrase(&self) -> String {
        format!("from byte {} of a flow on", self.0)
    }

    fn fill(&self, sieve: &mut Sieve) {
        sieve.position.byte = self.0;
    }
}
