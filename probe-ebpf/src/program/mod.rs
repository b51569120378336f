//! The kernel's side of the plain code: maps, frames, and the one pipeline that all programs run.

mod answer;
pub(crate) mod enforce;
pub(crate) mod frame;
mod maps;
