//! The kernel's side of the plain code: maps, frames, and the one pipeline that all programs run.

pub(crate) mod act;
mod clock;
pub(crate) mod enforce;
pub(crate) mod frame;
mod maps;
mod memory;
mod parked;
