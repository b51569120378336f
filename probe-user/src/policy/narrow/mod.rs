//! Gray failures: which of the packets that a rule's ports, peers and flows match it really hits.
//!
//! A file a kind: how it is written, read, shown, and what the kernel gets. `probe_ebpf::narrow` has the same kinds,
//! a file each, with the question that is asked of a packet.

mod flap;
mod length;
mod pace;
mod position;
mod probability;
mod seed;
mod tcp_flags;

use std::fmt;

pub use flap::Flap;
pub use length::LongerThan;
pub use pace::AboveRate;
pub use position::{FromByte, FromPacket};
pub use probability::Probability;
use probe_ebpf::abi::Sieve;
use schemars::JsonSchema;
pub use seed::Seed;
use serde::{Deserialize, Serialize};
pub use tcp_flags::TcpFlags;

use crate::document::{Reported, Table, Value};

/// A way to narrow a rule.
pub(super) trait Narrow: Sized {
    /// Its key in a rule.
    const KEY: &'static str;

    /// Whether only TCP has what it looks at.
    const TCP_ONLY: bool = false;

    /// Reads what stands behind the key.
    fn read(value: &Value<'_>) -> Result<Self, Reported>;

    /// What may stand behind the key, as JSON schema.
    fn schema() -> serde_json::Value;

    /// What stands behind the key.
    fn toml(&self) -> String;

    /// What it does, for people: goes on after "in tcp 5432 from everyone, ".
    fn phrase(&self) -> String;

    /// Tells the kernel.
    fn fill(&self, sieve: &mut Sieve);
}

macro_rules! narrowing {
    ($($(#[$doc:meta])* $field:ident: $kind:ident),+ $(,)?) => {
        /// How a rule is narrowed; nothing narrows it by default. What is named must all be so.
        #[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Narrowing {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$kind>,)+
        }

        impl Narrowing {
            /// The keys, as a rule has them.
            pub const KEYS: &'static [&'static str] = &[$($kind::KEY),+];

            /// What may stand behind each key, as JSON schema.
            pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
                vec![$(($kind::KEY, $kind::schema())),+]
            }

            /// Reads the keys that are there.
            pub(super) fn read(table: &Table<'_>) -> Result<Self, Reported> {
                // All are read before the first failure counts.
                $(let $field = table.optional($kind::KEY).map(|value| $kind::read(&value)).transpose();)+
                Ok(Self { $($field: $field?),+ })
            }

            /// The keys that are given.
            pub fn given(&self) -> Vec<&'static str> {
                [$(self.$field.as_ref().map(|_| $kind::KEY)),+].into_iter().flatten().collect()
            }

            /// The first given key that only TCP has a meaning for.
            pub(super) fn tcp_only(&self) -> Option<&'static str> {
                [$(self.$field.as_ref().filter(|_| $kind::TCP_ONLY).map(|_| $kind::KEY)),+]
                    .into_iter()
                    .flatten()
                    .next()
            }

            /// Key and value of what is given, as a policy's file has them.
            pub(super) fn toml(&self) -> Vec<(&'static str, String)> {
                [$(self.$field.as_ref().map(|kind| ($kind::KEY, kind.toml()))),+].into_iter().flatten().collect()
            }

            /// What the kernel reads, but for the moment when the rule came into force.
            pub fn sieve(&self) -> Sieve {
                let mut sieve = Sieve::OPEN;
                $(if let Some(kind) = &self.$field {
                    kind.fill(&mut sieve);
                })+
                sieve
            }

            fn phrases(&self) -> Vec<String> {
                [$(self.$field.as_ref().map(Narrow::phrase)),+].into_iter().flatten().collect()
            }
        }
    };
}

narrowing! {
    /// Packets that are longer than this.
    longer_than: LongerThan,
    /// Segments with these control bits.
    tcp_flags: TcpFlags,
    /// On and off by the kernel's clock.
    flap: Flap,
    /// The n-th packet of a flow and all later ones.
    from_packet: FromPacket,
    /// The packet with the n-th byte of a flow and all later ones.
    from_byte: FromByte,
    /// What exceeds a rate.
    above_rate: AboveRate,
    /// A share of the packets, by chance.
    probability: Probability,
    /// Which sequence of chances.
    seed: Seed,
}

impl Narrowing {
    /// Whether the rule hits every packet that it matches.
    pub fn is_open(&self) -> bool {
        // A seed alone narrows nothing.
        Self { seed: None, ..self.clone() } == Self::default()
    }

    /// Gives chance a seed, if it has none, so that what was done can be done again. `more`: whether chance decides more
    /// than which packets are hit.
    pub fn settle_seed(&mut self, more: bool, seed: impl FnOnce() -> u64) {
        if (more || self.probability.is_some()) && self.seed.is_none() {
            self.seed = Some(Seed(seed()));
        }
    }
}

/// The phrases, each after a comma; nothing for a rule that is not narrowed.
impl fmt::Display for Narrowing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.phrases().iter().try_for_each(|phrase| write!(f, ", {phrase}"))
    }
}

#[cfg(test)]
pub(crate) mod tests;
