//! Those who drop a flood: netsplit by each of its backends, iptables, nft.

use std::{
    fmt::Write,
    io::Write as _,
    net::Ipv4Addr,
    process::{Command, Stdio},
    time::Duration,
};

use clap::ValueEnum;
use ipnet::{IpNet, Ipv4Net};
use netsplit::{
    backend::Choice,
    cluster::Target,
    cut::{Guard, Request},
    policy::{PlannedRule, PortRange, Protocol},
};

use crate::{
    Explain, Failure,
    harness::{self, Pair},
};

/// The port that is cut, and one that is not.
pub(crate) const PORT: u16 = 7000;
pub(crate) const MISSED_PORT: u16 = 7001;

/// The entry at a place of a list of so many. The last one is the peer at the other end of the cable.
pub(crate) fn source(entries: usize, place: usize) -> Ipv4Addr {
    if place + 1 >= entries
        && let std::net::IpAddr::V4(peer) = Pair::PEER_V4
    {
        return peer;
    }
    let number = u32::try_from(place).unwrap_or(0);
    Ipv4Addr::from(u32::from(Ipv4Addr::new(11, 0, 0, 1)) + number * 64)
}

fn sources(entries: usize) -> impl Iterator<Item = Ipv4Addr> {
    (0..entries).map(move |place| source(entries, place))
}

/// Who drops.
pub(crate) struct Contender {
    name: String,
    how: How,
    /// A cut is held as long as its contender.
    cut: Option<Guard>,
}

enum How {
    Nobody,
    Netsplit(Choice),
    /// A program that reads its rules, and what it is to read for so many entries.
    Script {
        program: &'static [&'static str],
        text: fn(usize) -> String,
    },
}

impl Contender {
    /// Nobody drops anything.
    pub(crate) fn nobody() -> Self {
        Self { name: "no filter".to_owned(), how: How::Nobody, cut: None }
    }

    /// netsplit, by one of its backends.
    pub(crate) fn netsplit(choice: Choice) -> Self {
        let name = choice.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned());
        Self { name: format!("netsplit, {name}"), how: How::Netsplit(choice), cut: None }
    }

    /// Everybody else.
    pub(crate) fn others() -> Vec<Self> {
        const RESTORE: &[&str] = &["iptables-restore", "--noflush"];
        const NFT: &[&str] = &["nft", "-f", "-"];
        let script = |name: &str, program, text| Self {
            name: name.to_owned(),
            how: How::Script { program, text },
            cut: None,
        };
        vec![
            script("iptables, filter INPUT", RESTORE, |entries| iptables(entries, "filter", "INPUT")),
            script("iptables, raw PREROUTING", RESTORE, |entries| iptables(entries, "raw", "PREROUTING")),
            script("nft set, input", NFT, |entries| nft(entries, "inet", "hook input")),
            script("nft set, netdev ingress", NFT, |entries| {
                nft(entries, "netdev", "hook ingress device eth0")
            }),
        ]
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Drops packets from so many sources, in the calling thread's namespace, which takes everything with it.
    pub(crate) fn put_in_force(&mut self, entries: usize) -> Result<(), Failure> {
        match self.how {
            How::Nobody => {}
            How::Netsplit(choice) => {
                let rule = PlannedRule {
                    protocol: Protocol::Udp,
                    ports: vec![PortRange { first: PORT, last: PORT }],
                    peers: sources(entries).map(|address| IpNet::V4(Ipv4Net::from(address))).collect(),
                    loopback: false,
                    ..harness::rule()
                };
                self.cut = Some(harness::cut(&Request {
                    choice,
                    lease: Duration::from_hours(1),
                    ..harness::request(Target::Local, vec![rule])
                }));
            }
            How::Script { program, text } => feed(program, &text(entries))?,
        }
        Ok(())
    }
}

/// Runs a program with this text to read.
fn feed(program: &[&str], text: &str) -> Result<(), Failure> {
    let mut child =
        Command::new(program[0]).args(&program[1..]).stdin(Stdio::piped()).spawn().explain(program[0])?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes()).explain(program[0])?;
    }
    let ended = child.wait().explain(program[0])?;
    if ended.success() { Ok(()) } else { Err(Failure::new(format!("{}: {ended}", program.join(" ")))) }
}

fn iptables(entries: usize, table: &str, chain: &str) -> String {
    let mut text = format!("*{table}\n");
    for source in sources(entries) {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "-A {chain} -s {source} -p udp --dport {PORT} -j DROP");
    }
    text + "COMMIT\n"
}

fn nft(entries: usize, family: &str, hook: &str) -> String {
    let all: Vec<_> = sources(entries).map(|source| source.to_string()).collect();
    format!(
        "table {family} bench {{\n set sources {{ type ipv4_addr; elements = {{ {} }} }}\n chain cut {{\n  \
         type filter {hook} priority 0;\n  ip saddr @sources udp dport {PORT} counter drop\n }}\n}}\n",
        all.join(", ")
    )
}
