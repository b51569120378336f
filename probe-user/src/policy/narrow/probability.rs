//! `probability = 0.3`: loss by chance.

use probe_ebpf::abi::Sieve;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Narrow;
use crate::{
    document::{Reported, Value},
    schema::between,
};

/// A share of the packets, above 0 and below 1, to a millionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Probability {
    millionths: u32,
}

const WHOLE: u32 = 1_000_000;

impl Probability {
    /// A share; `None` unless it lies between 0 and 1, both excluded.
    pub fn new(share: f64) -> Option<Self> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 1,000,000"
        )]
        let millionths = (share.clamp(0.0, 1.0) * f64::from(WHOLE)).round() as u32;
        (share > 0.0 && (1..WHOLE).contains(&millionths)).then_some(Self { millionths })
    }

    /// The share.
    pub fn share(self) -> f64 {
        f64::from(self.millionths) / f64::from(WHOLE)
    }
}

impl TryFrom<f64> for Probability {
    type Error = &'static str;

    fn try_from(share: f64) -> Result<Self, Self::Error> {
        Self::new(share).ok_or("a probability lies between 0 and 1")
    }
}

impl From<Probability> for f64 {
    fn from(probability: Probability) -> Self {
        probability.share()
    }
}

impl Narrow for Probability {
    const KEY: &'static str = "probability";

    fn read(value: &Value<'_>) -> Result<Self, Reported> {
        Self::new(value.number()?).ok_or_else(|| {
            let help = "write a share such as 0.3 for three packets of ten; for all of them leave it out";
            value.refuse("`probability` lies between 0 and 1", "not a share of the packets", help)
        })
    }

    fn schema() -> serde_json::Value {
        between("Only this share of the packets, by chance.", 0, 1)
    }

    fn toml(&self) -> String {
        format!("{:?}", self.share())
    }

    fn phrase(&self) -> String {
        format!("with probability {}", self.share())
    }

    fn fill(&self, sieve: &mut Sieve) {
        let of_2_32 = (u64::from(self.millionths) << 32) / u64::from(WHOLE);
        sieve.chance.of_2_32 = u32::try_from(of_2_32).unwrap_or(u32::MAX).max(1);
    }
}
