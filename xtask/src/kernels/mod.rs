//! `cargo xtask kernels`: the loaded programs and the real cuts on the other kernels that netsplit claims, each booted
//! under emulation with an initramfs that holds the test binaries and what they call.

mod binaries;
mod console;
mod guest;
mod image;
mod initramfs;
mod run;

pub(crate) use run::{Args, run};
