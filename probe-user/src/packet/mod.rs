//! A packet in words, such as `tcp 10.0.0.2:40000 > 10.0.0.1:5432 syn`: written and read alike wherever netsplit speaks
//! of one. Pure.
//!
//! ```text
//! PROTOCOL SOURCE > DESTINATION [FLAGS | ICMP TYPE] [len BYTES] [frag first|later] [vlan ID] [lo | dev NAME] [in|out]
//! ```
//!
//! What follows the addresses may come in any order, flags with commas or blanks between them. IPv6 addresses with a
//! port stand in brackets. `len` counts the bytes behind the transport header, as tcpdump's `length` does.

mod frame;
mod hit;
mod model;
mod parse;
mod print;
#[cfg(test)]
mod tests;
mod words;

pub use model::{Carries, Packet};
pub use parse::parse;
