//! The packet of a hit, as far as the datapath tells.

use std::net::Ipv6Addr;

use probe_ebpf::{abi::Hit, decode::protocol, frames::Fragment};

use super::{Carries, Packet};

impl From<&Hit> for Packet {
    fn from(hit: &Hit) -> Self {
        let (source, destination) = (hit.source_port, hit.destination_port);
        Self {
            carries: match hit.protocol {
                protocol::TCP => Carries::Tcp { source, destination, flags: hit.tcp_flags },
                protocol::UDP => Carries::Udp { source, destination },
                protocol::ICMP | protocol::ICMPV6 => Carries::Icmp(None),
                other => Carries::Other(other),
            },
            source: Ipv6Addr::from(hit.source).to_canonical(),
            destination: Ipv6Addr::from(hit.destination).to_canonical(),
            length: 0,
            fragment: Fragment::Whole,
            tags: Vec::new(),
            interface: None,
            way: None,
        }
    }
}
