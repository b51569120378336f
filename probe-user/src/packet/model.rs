//! What is said of a packet.

use std::net::IpAddr;

use probe_ebpf::{abi::Way, frames::Fragment};

/// A packet as its words say it, and where it is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What it carries.
    pub carries: Carries,
    /// Who sent it.
    pub source: IpAddr,
    /// Whom it is for; of the same family, unless the kernel said otherwise.
    pub destination: IpAddr,
    /// How many bytes follow the transport header.
    pub length: usize,
    /// Which fragment of a packet it is.
    pub fragment: Fragment,
    /// VLAN ids, the outermost first; at most two.
    pub tags: Vec<u16>,
    /// The interface that it is met on, such as `lo`, if that is said.
    pub interface: Option<String>,
    /// Which way it goes, seen from the node that is asked, if that is said.
    pub way: Option<Way>,
}

/// What a packet carries, as far as its words tell. A later fragment shows neither ports nor flags nor types: they are
/// 0 and `None` there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// TCP (RFC 9293).
    Tcp {
        /// The source port.
        source: u16,
        /// The destination port.
        destination: u16,
        /// The control bits.
        flags: u8,
    },
    /// UDP (RFC 768).
    Udp {
        /// The source port.
        source: u16,
        /// The destination port.
        destination: u16,
    },
    /// ICMP or `ICMPv6`, by the family, with its type if that is said.
    Icmp(Option<u8>),
    /// Another protocol, by its number.
    Other(u8),
}
