//! Time spans as a policy has them: nanoseconds, written as `1s 500ms`.

use std::time::Duration;

use jiff::SignedDuration;

use crate::document::{Reported, Value};

/// A time span as it is written.
pub(super) fn written(ns: u64) -> String {
    format!("{:#}", SignedDuration::try_from(Duration::from_nanos(ns)).unwrap_or(SignedDuration::MAX))
}

/// Reads what [`written`] writes.
pub(super) fn nanoseconds(value: &Value<'_>) -> Result<u64, Reported> {
    let span = value.duration()?;
    u64::try_from(span.as_nanos()).map_err(|_| {
        value.refuse(
            format!("`{}` is too long", value.key()),
            "centuries",
            "write a time span such as \"2s\"",
        )
    })
}
