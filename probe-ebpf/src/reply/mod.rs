//! Answers to a packet that a rule refused: which packets get one, and its bytes.
//!
//! The builders yield the IP header and what follows it as arrays of constant length; the link layer is the
//! refused packet's own with its two addresses swapped. Every answer comes from the refused packet's
//! destination, as if the node itself had refused.

mod checksum;
mod due;
mod icmp;
mod ip;
mod tcp;

pub use checksum::Checksum;
pub use due::{icmp_due, reset_due};
pub use icmp::{ICMPV4_LENGTH, ICMPV6_LENGTH, quoted_length, unreachable_v4, unreachable_v6};
pub use tcp::{RESET_V4_LENGTH, RESET_V6_LENGTH, Reset, reset, reset_v4, reset_v6};
