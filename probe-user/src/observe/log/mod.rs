//! Patroni's log, followed on each node.
//!
//! Four times a second what was appended is read; what was there before the watch is not looked at. A log that is
//! rotated, truncated or not there yet is followed all the same. Only Patroni's default format is taken apart
//! (`2026-01-26 14:02:35,835 WARNING: text`); lines that do not begin so are told, too. An entry is told when the
//! next one begins or a look brings nothing more, so an event's time is within 0.5 s of the log's.

mod entries;
mod follow;

pub(super) use follow::{Log, follow};
