//! Frames by description: what tests, and whoever wants to ask a program about a packet, feed it.
//!
//! A [`Frame`] says what a packet is; [`Frame::bytes`] lays it out with right lengths and checksums.

use std::vec::Vec;

use crate::{decode::protocol, reply::Checksum};

/// An Ethernet frame that carries an IP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The link-layer destination.
    pub to: [u8; 6],
    /// The link-layer source.
    pub from: [u8; 6],
    /// VLAN ids, the outermost first; with two, the outer tag is a service tag (IEEE 802.1ad).
    pub tags: Vec<u16>,
    /// The IP header.
    pub network: Network,
    /// Which fragment of a packet this is.
    pub fragment: Fragment,
    /// What the packet carries.
    pub transport: Transport,
    /// How many bytes of data follow the transport header.
    pub data: usize,
    /// How many bytes of link-layer padding follow the packet.
    pub padding: usize,
}

/// An IP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// IPv4 (RFC 791).
    V4 {
        /// The source address.
        source: [u8; 4],
        /// The destination address.
        destination: [u8; 4],
        /// How many 4-byte words of options, at most 10.
        options: u8,
    },
    /// IPv6 (RFC 8200).
    V6 {
        /// The source address.
        source: [u8; 16],
        /// The destination address.
        destination: [u8; 16],
        /// The extension headers by their protocol numbers; the fragment header is [`Fragment`]'s.
        extensions: Vec<u8>,
    },
}

/// Which fragment of a packet a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// The whole packet.
    Whole,
    /// The first fragment, with the transport header.
    First,
    /// A later one, without.
    Later,
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP (RFC 9293).
    Tcp {
        /// The source port.
        source: u16,
        /// The destination port.
        destination: u16,
        /// The control bits.
        flags: u8,
        /// The sequence number.
        sequence: u32,
        /// The acknowledgment number.
        acknowledgment: u32,
    },
    /// UDP (RFC 768).
    Udp {
        /// The source port.
        source: u16,
        /// The destination port.
        destination: u16,
    },
    /// ICMP or `ICMPv6`, by the network's family, with this type and code 0.
    Icmp(u8),
    /// Another protocol, by its number.
    Other(u8),
}

impl Frame {
    /// A TCP segment without data over IPv4, from `10.0.0.2` to `10.0.0.1`.
    pub fn tcp(source: u16, destination: u16, flags: u8) -> Self {
        Self {
            to: [2, 0, 0, 0, 0, 1],
            from: [2, 0, 0, 0, 0, 2],
            tags: Vec::new(),
            network: Network::V4 { source: [10, 0, 0, 2], destination: [10, 0, 0, 1], options: 0 },
            fragment: Fragment::Whole,
            transport: Transport::Tcp {
                source,
                destination,
                flags,
                sequence: 0x1122_3344,
                acknowledgment: 0x5566_7788,
            },
            data: 0,
            padding: 0,
        }
    }

    /// The same over IPv6, from `fd00::2` to `fd00::1`.
    #[must_use]
    pub fn over_ipv6(self) -> Self {
        let host = |last: u8| {
            let mut address = [0; 16];
            (address[0], address[15]) = (0xfd, last);
            address
        };
        Self {
            network: Network::V6 { source: host(2), destination: host(1), extensions: Vec::new() },
            ..self
        }
    }

    /// Where the IP header begins.
    pub fn network_offset(&self) -> usize {
        14 + 4 * self.tags.len()
    }

    /// The frame as it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.to);
        bytes.extend(self.from);
        for (depth, tag) in self.tags.iter().enumerate() {
            let service = self.tags.len() == 2 && depth == 0;
            bytes.extend(if service { [0x88, 0xa8] } else { [0x81, 0x00] });
            bytes.extend(tag.to_be_bytes());
        }
        match &self.network {
            Network::V4 { source, destination, options } => {
                bytes.extend([0x08, 0x00]);
                self.put_ipv4(&mut bytes, *source, *destination, *options);
            }
            Network::V6 { source, destination, extensions } => {
                bytes.extend([0x86, 0xdd]);
                self.put_ipv6(&mut bytes, source, destination, extensions);
            }
        }
        bytes.extend(vec![0; self.padding]);
        bytes
    }

    fn number(&self) -> u8 {
        match (self.transport, &self.network) {
            (Transport::Tcp { .. }, _) => protocol::TCP,
            (Transport::Udp { .. }, _) => protocol::UDP,
            (Transport::Icmp(_), Network::V4 { .. }) => protocol::ICMP,
            (Transport::Icmp(_), Network::V6 { .. }) => protocol::ICMPV6,
            (Transport::Other(number), _) => number,
        }
    }

    fn put_ipv4(&self, bytes: &mut Vec<u8>, source: [u8; 4], destination: [u8; 4], options: u8) {
        let pseudo = Checksum::default().bytes(&source).bytes(&destination);
        let payload = self.payload(pseudo);
        let length = 20 + 4 * usize::from(options);
        let total = u16::try_from(length + payload.len()).unwrap_or(0);
        let fragment: u16 = match self.fragment {
            Fragment::Whole => 0x4000,
            Fragment::First => 0x2000,
            Fragment::Later => 100,
        };
        let mut header = vec![0x45 + options, 0];
        header.extend(total.to_be_bytes());
        header.extend([0, 7]);
        header.extend(fragment.to_be_bytes());
        header.extend([64, self.number(), 0, 0]);
        header.extend(source);
        header.extend(destination);
        // "No operation" (RFC 791 3.1).
        header.resize(length, 1);
        let checksum = sum(Checksum::default(), &header).finish();
        header[10..12].copy_from_slice(&checksum);
        bytes.extend(header);
        bytes.extend(payload);
    }

    fn put_ipv6(&self, bytes: &mut Vec<u8>, source: &[u8; 16], destination: &[u8; 16], extensions: &[u8]) {
        let pseudo = Checksum::default().bytes(source).bytes(destination);
        let payload = self.payload(pseudo);
        let fragment: &[u8] = if self.fragment == Fragment::Whole { &[] } else { &[protocol::FRAGMENT] };
        let chain: Vec<u8> = extensions.iter().chain(fragment).copied().chain([self.number()]).collect();
        let mut headers = Vec::new();
        for pair in chain.windows(2) {
            let (this, next) = (pair[0], pair[1]);
            match this {
                protocol::FRAGMENT => {
                    let offset: u16 = if self.fragment == Fragment::Later { 100 << 3 } else { 1 };
                    headers.extend([next, 0]);
                    headers.extend(offset.to_be_bytes());
                    headers.extend([0, 0, 0, 7]);
                }
                // Six 4-byte words: RFC 4302 counts them less two.
                protocol::AUTHENTICATION => {
                    headers.extend([next, 4]);
                    headers.extend([0; 22]);
                }
                // Two 8-byte units, padded: the first is not counted (RFC 8200 4.2).
                _ => {
                    headers.extend([next, 1, 1, 12]);
                    headers.extend([0; 12]);
                }
            }
        }
        let length = u16::try_from(headers.len() + payload.len()).unwrap_or(0);
        bytes.extend([0x60, 0, 0, 0]);
        bytes.extend(length.to_be_bytes());
        bytes.extend([chain[0], 64]);
        bytes.extend(source);
        bytes.extend(destination);
        bytes.extend(headers);
        bytes.extend(payload);
    }

    /// The transport header and data; for a later fragment, data alone.
    fn payload(&self, pseudo: Checksum) -> Vec<u8> {
        let data = (0..self.data).map(|at| u8::try_from(at % 251).unwrap_or(0));
        if self.fragment == Fragment::Later {
            return data.collect();
        }
        let mut bytes = Vec::new();
        let place = match self.transport {
            Transport::Tcp { source, destination, flags, sequence, acknowledgment } => {
                bytes.extend(source.to_be_bytes());
                bytes.extend(destination.to_be_bytes());
                bytes.extend(sequence.to_be_bytes());
                bytes.extend(acknowledgment.to_be_bytes());
                bytes.extend([5 << 4, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
                Some(16)
            }
            Transport::Udp { source, destination } => {
                bytes.extend(source.to_be_bytes());
                bytes.extend(destination.to_be_bytes());
                bytes.extend(u16::try_from(8 + self.data).unwrap_or(0).to_be_bytes());
                bytes.extend([0, 0]);
                Some(6)
            }
            Transport::Icmp(kind) => {
                bytes.extend([kind, 0, 0, 0, 0, 1, 0, 1]);
                Some(2)
            }
            Transport::Other(_) => None,
        };
        bytes.extend(data);
        if let Some(place) = place {
            let plain_icmp = self.number() == protocol::ICMP;
            let start = if plain_icmp {
                Checksum::default()
            } else {
                pseudo.word(u16::from(self.number())).word(u16::try_from(bytes.len()).unwrap_or(0))
            };
            let checksum = sum(start, &bytes).finish();
            bytes[place..place + 2].copy_from_slice(&checksum);
        }
        bytes
    }
}

fn sum(mut checksum: Checksum, bytes: &[u8]) -> Checksum {
    for pair in bytes.chunks(2) {
        checksum = checksum.word(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    }
    checksum
}
