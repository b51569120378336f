//! `from_packet = 10`, `from_byte = 65536`: a connection that is cut in the middle.

use probe_ebpf::abi::Sieve;
use serde::{Deserialize, Serialize};

use super::Narrow;
use crate::document::{Reported, Value};

/// The n-th packet of a flow and all later ones, counted from 1 and from when the rule came into force, in the rule's
/// direction. What the stack hands over as one piece counts as one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromPacket(pub u64);

/// The packet with the n-th byte of a flow and all later ones; IP headers count, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromByte(pub u64);

impl Narrow for FromPacket {
    const KEY: &'static str = "from_packet";

    fn read(value: &Value<'_>) -> Result<Self, Reported> {
        value.integer(2..=i64::MAX).map(Self)
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
        value.integer(2..=i64::MAX).map(Self)
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
