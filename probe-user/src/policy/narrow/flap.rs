//! `flap = { period = "2s", duty = 0.5 }`: on and off by the kernel's own clock.

use probe_ebpf::abi::Sieve;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Narrow;
use crate::{
    document::{Reported, Table, Value},
    policy::span::{nanoseconds, written},
    schema::{Key, between, span, table},
};

/// A rule that is on during the first part of each period, the first of which begins when it comes into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Flap {
    /// How long a period is, in nanoseconds.
    pub period_ns: u64,
    /// How long the rule is on in each, in nanoseconds: longer than nothing and shorter than the period.
    pub on_ns: u64,
}

/// How long the rule is on, either as a share of the period or as a time span.
fn on(table: &Table<'_>) -> Result<On, Reported> {
    match (table.optional("duty"), table.optional("on")) {
        (Some(duty), Some(_)) => Err(duty.refuse(
            "`flap` has both `duty` and `on`",
            "a share of the period",
            "keep one of the two",
        )),
        (None, Some(on)) => nanoseconds(&on).map(On::Span),
        (duty, None) => {
            let duty = duty.map_or(Ok(0.5), |duty| {
                let share = duty.number()?;
                let help = "write the share of a period in which the rule is on, such as 0.5";
                if share > 0.0 && share < 1.0 {
                    Ok(share)
                } else {
                    Err(duty.refuse("`duty` lies between 0 and 1", "always or never", help))
                }
            });
            duty.map(On::Share)
        }
    }
}

enum On {
    Share(f64),
    Span(u64),
}

impl Narrow for Flap {
    const KEY: &'static str = "flap";

    fn read(value: &Value<'_>) -> Result<Self, Reported> {
        let table = value.table("`flap`")?;
        let period = table
            .required("period", "say how long on and off are together: period = \"2s\"")
            .and_then(|value| nanoseconds(&value));
        let on = on(&table);
        table.finish();
        let (period_ns, on) = (period?, on?);
        let on_ns = match on {
            On::Span(ns) => ns,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a share of the period, to about a nanosecond"
            )]
            On::Share(share) => (period_ns as f64 * share).round() as u64,
        };
        if on_ns == 0 || on_ns >= period_ns {
            let help = "let the rule be on for a part of the period, as in { period = \"2s\", duty = 0.5 }";
            return Err(value.refuse("`flap` is on always or never", "no part of the period is left", help));
        }
        Ok(Self { period_ns, on_ns })
    }

    fn schema() -> serde_json::Value {
        let keys = [
            Key::required("period", span("How long on and off are together.")),
            Key::optional(
                "duty",
                between("The share of the period in which the rule is on; 0.5 without it.", 0, 1),
            ),
            Key::optional("on", span("How long the rule is on in each period, instead of `duty`.")),
        ];
        let mut schema = table("On during the first part of each period, by the kernel's clock.", &keys);
        schema["not"] = serde_json::json!({"required": ["duty", "on"]});
        schema
    }

    fn toml(&self) -> String {
        format!("{{ period = \"{}\", on = \"{}\" }}", written(self.period_ns), written(self.on_ns))
    }

    fn phrase(&self) -> String {
        format!("on for {} of every {}", written(self.on_ns), written(self.period_ns))
    }

    fn fill(&self, sieve: &mut Sieve) {
        sieve.flap.period_ns = self.period_ns;
        sieve.flap.on_ns = self.on_ns;
    }
}
