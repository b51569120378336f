//! What has to hold for any input at all, one module a subject, each with a `check` that panics where it does not.
//!
//! `cargo test` runs every check over the committed corpus; `cargo xtask fuzz` lets libFuzzer look for more.

#![allow(clippy::unwrap_used, reason = "a check that fails ends what runs it")]

pub mod decoder;
#[path = "../../tests/datapath/model.rs"]
mod model;
pub mod policy;
pub mod replies;
pub mod resolver;
pub mod tables;
mod written;

/// A check of one input.
pub type Check = fn(&[u8]);

/// Every subject by its name, which is also the name of its folder in the corpus.
pub const SUBJECTS: [(&str, Check); 5] = [
    ("decoder", decoder::check),
    ("replies", replies::check),
    ("policy", policy::check),
    ("resolver", resolver::check),
    ("tables", tables::check),
];
