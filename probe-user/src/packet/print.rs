//! From packet to words.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use probe_ebpf::{abi::Way, frames::Fragment};

use super::{
    Carries, Packet,
    words::{FLAGS, icmp_types},
};

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |address: IpAddr, port: u16| match self.fragment {
            Fragment::Later => address.to_string(),
            Fragment::Whole | Fragment::First => SocketAddr::new(address, port).to_string(),
        };
        match self.carries {
            Carries::Tcp { source, destination, .. } => {
                write!(f, "tcp {} > {}", end(self.source, source), end(self.destination, destination))?;
            }
            Carries::Udp { source, destination } => {
                write!(f, "udp {} > {}", end(self.source, source), end(self.destination, destination))?;
            }
            Carries::Icmp(_) => write!(f, "icmp {} > {}", self.source, self.destination)?,
            Carries::Other(number) => write!(f, "protocol {number} {} > {}", self.source, self.destination)?,
        }
        match self.carries {
            Carries::Tcp { flags, .. } if flags != 0 => {
                let set = FLAGS.iter().filter(|(_, bit)| flags & bit != 0).map(|(word, _)| *word);
                write!(f, " {}", set.collect::<Vec<_>>().join(","))?;
            }
            Carries::Icmp(Some(number)) => {
                match icmp_types(self.source).iter().find(|(_, known)| *known == number) {
                    Some((word, _)) => write!(f, " {word}")?,
                    None => write!(f, " type {number}")?,
                }
            }
            _ => {}
        }
        if self.length > 0 {
            write!(f, " len {}", self.length)?;
        }
        f.write_str(match self.fragment {
            Fragment::Whole => "",
            Fragment::First => " frag first",
            Fragment::Later => " frag later",
        })?;
        self.tags.iter().try_for_each(|tag| write!(f, " vlan {tag}"))?;
        match self.interface.as_deref() {
            None => {}
            Some("lo") => f.write_str(" lo")?,
            Some(name) => write!(f, " dev {name}")?,
        }
        f.write_str(match self.way {
            None => "",
            Some(Way::Ingress) => " in",
            Some(Way::Egress) => " out",
        })
    }
}
