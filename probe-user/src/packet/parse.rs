//! From words to packet, with every problem at its place.

use std::net::{IpAddr, SocketAddr};

use probe_ebpf::{abi::Way, frames::Fragment};

use super::{
    Carries, Packet,
    words::{FLAGS, icmp_types},
};
use crate::document::{Problem, Problems, Rejected, Reported, Span, list_of, nearest};

/// What a program can be asked about in one piece: a frame of one page, with room for what the kernel keeps there.
const LONGEST: usize = 3000;

const EXAMPLE: &str = "write it as in `tcp 10.0.0.2:40000 > 10.0.0.1:5432 syn`";

const PROTOCOLS: [&str; 4] = ["tcp", "udp", "icmp", "protocol"];

const OPTIONS: [&str; 7] = ["len", "frag", "vlan", "lo", "dev", "in", "out"];

/// Reads a packet.
pub fn parse(text: &str) -> Result<Packet, Rejected> {
    let problems = Problems::default();
    let packet = Words::new(text, &problems).packet();
    problems.conclude("the packet", text, packet)
}

/// The words that are still to be read.
struct Words<'t, 'p> {
    all: Vec<(&'t str, Span)>,
    next: usize,
    end: Span,
    problems: &'p Problems,
}

/// An end of a packet: its address, and its port if it has one.
type End = (IpAddr, Option<u16>, Span);

impl<'t, 'p> Words<'t, 'p> {
    fn new(text: &'t str, problems: &'p Problems) -> Self {
        let mut words = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| !c.is_whitespace() && c != ',') {
            rest = &rest[start..];
            let end = if rest.starts_with('>') {
                1
            } else {
                rest.find(|c: char| c.is_whitespace() || c == ',' || c == '>').unwrap_or(rest.len())
            };
            words.push((&rest[..end], (text.len() - rest.len(), end).into()));
            rest = &rest[end..];
        }
        Self { all: words, next: 0, end: (text.len(), 0).into(), problems }
    }

    fn take(&mut self) -> Option<(&'t str, Span)> {
        let word = self.all.get(self.next).copied();
        self.next += 1;
        word
    }

    fn expect(&mut self, what: &str) -> Result<(&'t str, Span), Reported> {
        self.take().ok_or_else(|| self.refuse(self.end, format!("{what} is missing"), "ends here", EXAMPLE))
    }

    fn refuse(
        &self,
        span: Span,
        message: impl Into<String>,
        label: &str,
        help: impl Into<String>,
    ) -> Reported {
        self.problems.report(Problem::new(message).at(span, label).help(help))
    }

    fn packet(mut self) -> Result<Packet, Reported> {
        let (word, span) = self.expect("the protocol")?;
        let mut carries = match word {
            "tcp" => Carries::Tcp { source: 0, destination: 0, flags: 0 },
            "udp" => Carries::Udp { source: 0, destination: 0 },
            "icmp" | "icmp6" | "icmpv6" => Carries::Icmp(None),
            "protocol" => Carries::Other(self.number("the protocol's number", 0..=255)?),
            _ => {
                let help = match nearest(word, PROTOCOLS) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("it begins with {}; {EXAMPLE}", list_of(PROTOCOLS, "or")),
                };
                return Err(self.refuse(
                    span,
                    format!("there is no protocol `{word}`"),
                    "unknown word",
                    help,
                ));
            }
        };
        let source = self.end_of("the source")?;
        let (arrow, span) = self.expect("`>`")?;
        if arrow != ">" {
            return Err(self.refuse(span, "`>` stands between the two ends", "expected here", EXAMPLE));
        }
        let destination = self.end_of("the destination")?;
        if source.0.is_ipv4() != destination.0.is_ipv4() {
            let message = "a packet has one family";
            return Err(self.refuse(
                destination.2,
                message,
                "of another than the source",
                "write both alike",
            ));
        }
        let mut packet = Packet {
            carries,
            source: source.0,
            destination: destination.0,
            length: 0,
            fragment: Fragment::Whole,
            tags: Vec::new(),
            interface: None,
            way: None,
        };
        while let Some((word, span)) = self.take() {
            self.option(&mut packet, word, span)?;
        }
        carries = packet.carries;
        packet.carries = self.with_ports(carries, packet.fragment, source, destination)?;
        Ok(packet)
    }

    fn number<T: TryFrom<u64>>(
        &mut self,
        what: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<T, Reported> {
        let (word, span) = self.expect(what)?;
        let number = word.parse::<u64>().ok().filter(|number| range.contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            let help = format!("write a number from {} to {}", range.start(), range.end());
            self.refuse(span, format!("{what} cannot be `{word}`"), "not such a number", help)
        })
    }

    fn end_of(&mut self, what: &str) -> Result<End, Reported> {
        let (word, span) = self.expect(what)?;
        if let Ok(socket) = word.parse::<SocketAddr>() {
            return Ok((socket.ip(), Some(socket.port()), span));
        }
        if let Ok(address) = word.parse::<IpAddr>() {
            return Ok((address, None, span));
        }
        // tcpdump writes the port behind a dot.
        let dotted = word.rsplit_once('.').and_then(|(address, port)| {
            Some(SocketAddr::new(address.parse::<IpAddr>().ok()?, port.parse().ok()?))
        });
        let help = match dotted {
            Some(socket) => format!("did you mean `{socket}`?"),
            None => "write 10.0.0.1:5432, or [fd00::1]:5432, without a port where the protocol has none"
                .to_owned(),
        };
        Err(self.refuse(
            span,
            format!("{what} cannot be `{word}`"),
            "neither an address nor one with a port",
            help,
        ))
    }

    fn option(&mut self, packet: &mut Packet, word: &str, span: Span) -> Result<(), Reported> {
        match word {
            "len" => packet.length = self.number("the length", 0..=LONGEST as u64)?,
            "frag" => {
                let (which, span) = self.expect("`first` or `later`")?;
                packet.fragment = match which {
                    "first" => Fragment::First,
                    "later" => Fragment::Later,
                    _ => {
                        let message = format!("there is no fragment `{which}`");
                        return Err(self.refuse(span, message, "unknown word", "write `first` or `later`"));
                    }
                };
            }
            "vlan" if packet.tags.len() < 2 => {
                let tag = self.number("the VLAN id", 0..=4095)?;
                packet.tags.push(tag);
            }
            "vlan" => {
                let message = "a packet has two VLAN tags at most";
                return Err(self.refuse(span, message, "a third one", "leave it out"));
            }
            "lo" => packet.interface = Some("lo".to_owned()),
            "dev" => packet.interface = Some(self.expect("the interface's name")?.0.to_owned()),
            "in" => packet.way = Some(Way::Ingress),
            "out" => packet.way = Some(Way::Egress),
            _ => self.detail(packet, word, span)?,
        }
        Ok(())
    }

    /// A word that only one protocol has.
    fn detail(&mut self, packet: &mut Packet, word: &str, span: Span) -> Result<(), Reported> {
        let types = icmp_types(packet.source);
        match &mut packet.carries {
            Carries::Tcp { flags, .. } => {
                if let Some((_, bit)) = FLAGS.iter().find(|(flag, _)| *flag == word) {
                    *flags |= bit;
                    return Ok(());
                }
            }
            Carries::Icmp(kind) => {
                if word == "type" {
                    *kind = Some(self.number("ICMP's type", 0..=255)?);
                    return Ok(());
                }
                if let Some((_, number)) = types.iter().find(|(name, _)| *name == word) {
                    *kind = Some(*number);
                    return Ok(());
                }
            }
            Carries::Udp { .. } | Carries::Other(_) => {}
        }
        let details: Vec<&str> = match packet.carries {
            Carries::Tcp { .. } => FLAGS.iter().map(|(flag, _)| *flag).collect(),
            Carries::Icmp(_) => types.iter().map(|(name, _)| *name).chain(["type"]).collect(),
            Carries::Udp { .. } | Carries::Other(_) => Vec::new(),
        };
        let known = || details.iter().copied().chain(OPTIONS);
        let help = match nearest(word, known()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("what may follow the addresses: {}", list_of(known(), "or")),
        };
        Err(self.refuse(span, format!("`{word}` says nothing of such a packet"), "unknown word", help))
    }

    /// Ports exactly where a packet shows them.
    fn with_ports(
        &self,
        carries: Carries,
        fragment: Fragment,
        source: End,
        destination: End,
    ) -> Result<Carries, Reported> {
        let has_ports = matches!(carries, Carries::Tcp { .. } | Carries::Udp { .. });
        let shown = has_ports && fragment != Fragment::Later;
        for (address, port, span) in [source, destination] {
            match port {
                None if shown => {
                    let help = format!("write `{}`", SocketAddr::new(address, 5432));
                    return Err(self.refuse(span, "a port is missing", "an address alone", help));
                }
                Some(_) if !shown => {
                    let message = if has_ports {
                        "a later fragment shows no port"
                    } else {
                        "this protocol has no ports"
                    };
                    return Err(self.refuse(span, message, "with a port", format!("write `{address}`")));
                }
                _ => {}
            }
        }
        let (from, to) = (source.1.unwrap_or(0), destination.1.unwrap_or(0));
        match carries {
            Carries::Tcp { flags, .. } if fragment == Fragment::Later && flags != 0 => Err(self.refuse(
                (0, 0).into(),
                "a later fragment shows no flags",
                "they are in the first one",
                "leave them out",
            )),
            Carries::Icmp(Some(_)) if fragment == Fragment::Later => Err(self.refuse(
                (0, 0).into(),
                "a later fragment shows no type",
                "it is in the first one",
                "leave it out",
            )),
            Carries::Tcp { flags, .. } => Ok(Carries::Tcp { source: from, destination: to, flags }),
            Carries::Udp { .. } => Ok(Carries::Udp { source: from, destination: to }),
            other => Ok(other),
        }
    }
}
