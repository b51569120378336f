//! From text to policy: a file's TOML, or the arguments of one rule.
//!
//! Both become [`draft::Draft`]s, whose parts know where they were written, and go through the same checks.

mod address;
mod arguments;
mod draft;
mod file;
mod port;
#[cfg(test)]
mod round_trip;
mod rule;
pub(crate) mod schema;
mod shadow;
#[cfg(test)]
mod tests;
mod topology;
mod word;

pub use arguments::RuleArgs;
pub(crate) use file::read_parts;
pub use file::{parse, part, reject_part};
#[cfg(test)]
pub(crate) use round_trip::generated;
