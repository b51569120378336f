//! Cuts in force between real namespaces, with real traffic, and what is left of them.

#![allow(clippy::unwrap_used, reason = "a test ends where its surroundings fail it")]

#[path = "../harness/mod.rs"]
mod harness;

mod as_iptables;
mod close;
mod command_line;
mod composition;
mod delay;
mod foreign;
mod gray;
mod killed;
mod lease;
mod nft;
mod proof;
mod scope;
mod topology;
mod traffic;
mod way_in;
