//! `delay = "100ms"`: how much later packets go on, for the action of that name.

use std::{fmt, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::span::{nanoseconds, written};
use crate::document::{Reported, Value};

/// How much later packets go on.
///
/// In a file `delay = "100ms"`, or `delay = { time = "100ms", jitter = "20ms", reorder = true }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Delay {
    /// In the middle, in nanoseconds; not zero.
    pub time_ns: u64,
    /// How much more or less it may be, in nanoseconds, every value as likely as another; at most `time_ns`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub jitter_ns: u64,
    /// Whether a packet may overtake those that were met before it at the same place. Otherwise one that is late holds
    /// up those behind it, as a queue does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reorder: bool,
}

/// A TCP connection gives up on its own well before that.
const LONGEST: Duration = Duration::from_mins(10);

impl Delay {
    /// Its key in a rule.
    pub(super) const KEY: &'static str = "delay";

    /// Reads what stands behind the key.
    pub(super) fn read(value: &Value<'_>) -> Result<Self, Reported> {
        if !value.is_table() {
            return Ok(Self { time_ns: late(value)?, jitter_ns: 0, reorder: false });
        }
        let table = value.table("`delay`")?;
        let time = table
            .required("time", "say how much later packets go on: time = \"100ms\"")
            .and_then(|value| late(&value));
        let jitter = table.optional("jitter").map(|value| late(&value).map(|ns| (ns, value))).transpose();
        let reorder = table.optional("reorder").map_or(Ok(false), |value| value.boolean());
        table.finish();
        let (time_ns, jitter, reorder) = (time?, jitter?, reorder?);
        let jitter_ns = match jitter {
            None => 0,
            Some((ns, _)) if ns <= time_ns => ns,
            Some((_, value)) => {
                let help = "let `jitter` be at most `time`: nothing goes on before it was met";
                return Err(value.refuse("`jitter` is longer than `time`", "more than all of it", help));
            }
        };
        if reorder && jitter_ns == 0 {
            let help = "add a `jitter`, or leave `reorder` out; with a `probability` on the rule, the packets that are \
                        not hit overtake the others anyway";
            return Err(value.refuse(
                "nothing can be reordered without a `jitter`",
                "all are equally late",
                help,
            ));
        }
        Ok(Self { time_ns, jitter_ns, reorder })
    }

    /// What stands behind the key.
    pub(super) fn toml(&self) -> String {
        if self.jitter_ns == 0 {
            return format!("\"{}\"", written(self.time_ns));
        }
        let reorder = if self.reorder { ", reorder = true" } else { "" };
        format!(
            "{{ time = \"{}\", jitter = \"{}\"{reorder} }}",
            written(self.time_ns),
            written(self.jitter_ns)
        )
    }

    /// Whether chance has a part in it.
    pub fn has_jitter(&self) -> bool {
        self.jitter_ns > 0
    }
}

/// Goes on after "delay": ` by 100ms, 20ms more or less`.
impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " by {}", written(self.time_ns))?;
        if self.has_jitter() {
            write!(f, ", {} more or less", written(self.jitter_ns))?;
        }
        if self.reorder {
            f.write_str(", in any order")?;
        }
        Ok(())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(ns: &u64) -> bool {
    *ns == 0
}

fn late(value: &Value<'_>) -> Result<u64, Reported> {
    let ns = nanoseconds(value)?;
    if ns > 0 && Duration::from_nanos(ns) <= LONGEST {
        return Ok(ns);
    }
    Err(value.refuse(
        format!("`{}` lies above 0 and is at most 10 minutes", value.key()),
        "no packet is that late",
        "write a time span such as \"100ms\"",
    ))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document;

    /// Every delay, for tests of what carries it.
    pub(crate) fn delay() -> impl Strategy<Value = Delay> {
        (1..=600_000_000_000_u64, 0.0..=1.0_f64, any::<bool>()).prop_map(|(time_ns, share, reorder)| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a share of at most ten minutes"
            )]
            let jitter_ns = ((time_ns as f64 * share) as u64).min(time_ns);
            Delay { time_ns, jitter_ns, reorder: reorder && jitter_ns > 0 }
        })
    }

    fn read(text: &str) -> Result<Delay, String> {
        let read = document::read("delay.toml", text, |table| {
            let delay = table.required("delay", "").and_then(|value| Delay::read(&value));
            table.finish();
            delay
        });
        read.map_err(|rejected| document::tests::drawn(&rejected))
    }

    #[test]
    fn it_is_read_and_told() {
        for (text, told) in [
            ("delay = \"100ms\"", " by 100ms"),
            ("delay = { time = \"1s\" }", " by 1s"),
            ("delay = { time = \"100ms\", jitter = \"20ms\" }", " by 100ms, 20ms more or less"),
            (
                "delay = { time = \"100ms\", jitter = \"100ms\", reorder = true }",
                " by 100ms, 100ms more or less, in any order",
            ),
        ] {
            assert_eq!(read(text).map(|delay| delay.to_string()), Ok(told.to_owned()));
        }
    }

    #[test]
    fn what_cannot_be_is_told_with_the_way_out() {
        let problems: Vec<_> = [
            "delay = 100",
            "delay = \"0s\"",
            "delay = \"11m\"",
            "delay = { jitter = \"1s\" }",
            "delay = { time = \"1ms\", jitter = \"2ms\" }",
            "delay = { time = \"1ms\", reorder = true }",
        ]
        .map(|text| read(text).expect_err(text))
        .into();
        insta::assert_snapshot!(problems.join("\n"));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(delay in delay()) {
            prop_assert_eq!(read(&format!("delay = {}", delay.toml())), Ok(delay));
        }
    }
}
