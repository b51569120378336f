//! What is left of netsplit's in the kernel, found without any pin: `revert --all` asks the kernel itself.

mod layers;
mod links;
mod programs;
mod whole;

pub(crate) use whole::sweep;
