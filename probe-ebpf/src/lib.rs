//! The datapath's plain code: what a packet is, which rule decides, and what answers it.
//!
//! Nothing here knows the kernel: the eBPF programs in `program/` wire these functions to hooks and maps, and
//! host tests call them directly. Types shared with user space stand in [`abi`], once.
#![cfg_attr(not(any(test, feature = "frames")), no_std)]
#![allow(
    clippy::inline_always,
    reason = "a BPF call costs registers and loses what the verifier knows of bounds"
)]

pub mod abi;
pub mod bytes;
pub mod corrupt;
pub mod decode;
#[cfg(any(test, feature = "frames"))]
pub mod frames;
pub mod narrow;
pub mod reply;
pub mod verdict;
