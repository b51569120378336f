//! `above_rate = { rate = "1Mbit", burst = "16kB" }`: a rate limit. What exceeds the rate is hit; with
//! `action = "drop"` that is a policer, which needs no queue and so no qdisc.

use probe_ebpf::abi::Sieve;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Narrow;
use crate::{
    document::{Reported, Table, Value},
    schema::{Key, table},
};

/// What exceeds a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct AboveRate {
    /// Bits a second.
    pub bits_per_second: u64,
    /// Bytes that may come at once.
    pub burst_bytes: u64,
}

/// The units of a rate, in bits a second, as tc(8) writes them.
const RATES: &[(&str, u64)] = &[("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1_000), ("bit", 1)];
/// The units of a size, in bytes.
const SIZES: &[(&str, u64)] = &[("mb", 1_000_000), ("kb", 1_000), ("b", 1)];

/// The largest rate: a byte takes at least a few picoseconds.
const FASTEST: u64 = 1_000_000_000_000;

fn amount(value: &Value<'_>, units: &[(&str, u64)], help: &str) -> Result<u64, Reported> {
    let text = value.text()?.trim().to_ascii_lowercase();
    let read = units.iter().find_map(|(unit, factor)| {
        let number: f64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
        #[expect(clippy::cast_precision_loss, reason = "a round number")]
        let amount = number * *factor as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 10^12")]
        (1.0..=1e12).contains(&amount).then_some(amount.round() as u64)
    });
    read.ok_or_else(|| {
        value.refuse(format!("`{}` is not understood", value.key()), "a number and a unit", help)
    })
}

fn rate(table: &Table<'_>) -> Result<u64, Reported> {
    const HELP: &str = "write bits a second, as in \"500kbit\", \"1Mbit\" or \"1Gbit\"";
    amount(&table.required("rate", HELP)?, RATES, HELP)
}

/// A pattern for these words in any case.
fn any_case(words: &[&str]) -> String {
    let letter = |letter: char| format!("[{}{letter}]", letter.to_ascii_uppercase());
    words.iter().map(|word| word.chars().map(letter).collect()).collect::<Vec<String>>().join("|")
}

impl Narrow for AboveRate {
    const KEY: &'static str = "above_rate";

    fn read(value: &Value<'_>) -> Result<Self, Reported> {
        let table = value.table("`above_rate`")?;
        let rate = rate(&table);
        let burst = table
            .optional("burst")
            .map(|value| amount(&value, SIZES, "write bytes, as in \"1500B\", \"16kB\" or \"1MB\""))
            .transpose();
        table.finish();
        let (bits_per_second, burst) = (rate?.min(FASTEST), burst?);
        // A tenth of a second, and room for what the stack hands over in one piece.
        let burst_bytes = burst.unwrap_or_else(|| (bits_per_second / 80).max(65_536));
        Ok(Self { bits_per_second, burst_bytes })
    }

    fn schema() -> serde_json::Value {
        // In any case and with space before the unit, as `amount` reads it.
        let amount = |about: &str, units: &[(&str, u64)], example: &str| {
            let units: Vec<_> = units.iter().map(|(unit, _)| *unit).collect();
            let pattern = format!("^\\s*[+.0-9Ee-]+\\s*(?:{})\\s*$", any_case(&units));
            json!({"type": "string", "pattern": pattern, "description": about, "examples": [example]})
        };
        let keys = [
            Key::required("rate", amount("Bits a second.", RATES, "1Mbit")),
            Key::optional("burst", amount("Bytes that may come at once.", SIZES, "16kB")),
        ];
        table("What exceeds a rate.", &keys)
    }

    fn toml(&self) -> String {
        format!("{{ rate = \"{}bit\", burst = \"{}B\" }}", self.bits_per_second, self.burst_bytes)
    }

    fn phrase(&self) -> String {
        let (unit, factor) = RATES
            .iter()
            .find(|(_, factor)| self.bits_per_second.is_multiple_of(*factor))
            .copied()
            .unwrap_or(("bit", 1));
        format!(
            "what exceeds {} {unit}/s and {} bytes at once",
            self.bits_per_second / factor,
            self.burst_bytes
        )
    }

    fn fill(&self, sieve: &mut Sieve) {
        const PS_PER_SECOND: u64 = 1_000_000_000_000;
        let ps_per_byte = (PS_PER_SECOND * 8 / self.bits_per_second.max(1)).max(1);
        sieve.pace.ps_per_byte = ps_per_byte;
        let burst_ns = u128::from(self.burst_bytes) * u128::from(ps_per_byte) / 1000;
        sieve.pace.burst_ns = u64::try_from(burst_ns).unwrap_or(u64::MAX);
    }
}
