//! The words for flags and types.

use std::net::IpAddr;

use probe_ebpf::decode::tcp_flag::{ACK, FIN, RST, SYN};

/// TCP's control bits (RFC 9293 3.1, RFC 3168 6.1), in the order in which they are written.
pub(super) const FLAGS: [(&str, u8); 8] = [
    ("syn", SYN),
    ("fin", FIN),
    ("rst", RST),
    ("psh", 0x08),
    ("ack", ACK),
    ("urg", 0x20),
    ("ece", 0x40),
    ("cwr", 0x80),
];

/// ICMP's types (RFC 792, RFC 950), as nft calls them.
const ICMP: [(&str, u8); 9] = [
    ("echo-reply", 0),
    ("destination-unreachable", 3),
    ("redirect", 5),
    ("echo-request", 8),
    ("router-advertisement", 9),
    ("router-solicitation", 10),
    ("time-exceeded", 11),
    ("parameter-problem", 12),
    ("timestamp-request", 13),
];

/// `ICMPv6`'s types (RFC 4443, RFC 4861), as nft calls them.
const ICMPV6: [(&str, u8); 11] = [
    ("destination-unreachable", 1),
    ("packet-too-big", 2),
    ("time-exceeded", 3),
    ("parameter-problem", 4),
    ("echo-request", 128),
    ("echo-reply", 129),
    ("nd-router-solicit", 133),
    ("nd-router-advert", 134),
    ("nd-neighbor-solicit", 135),
    ("nd-neighbor-advert", 136),
    ("nd-redirect", 137),
];

/// The types that ICMP has in the address's family.
pub(super) fn icmp_types(address: IpAddr) -> &'static [(&'static str, u8)] {
    if address.is_ipv4() { &ICMP } else { &ICMPV6 }
}

/// What asks for an echo in the address's family.
pub(super) fn echo_request(address: IpAddr) -> u8 {
    if address.is_ipv4() { 8 } else { 128 }
}
