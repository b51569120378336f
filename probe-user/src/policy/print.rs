//! A policy as TOML: what [`super::parse`] reads back.

use std::fmt::{self, Display, Write};

use super::{Delay, Direction, Flows, Peer, Policy, PortRange, Protocol, Rule};

impl Policy {
    /// The policy as a file would say it; what goes without saying is left out.
    pub fn to_toml(&self) -> String {
        let mut toml = format!("description = {}\n", quoted(&self.description));
        for rule in &self.rules {
            // Writing to a String cannot fail.
            let _ = write_rule(&mut toml, rule);
        }
        for topology in &self.topologies {
            let _ = topology.write(&mut toml);
        }
        toml
    }
}

fn write_rule(toml: &mut String, rule: &Rule) -> fmt::Result {
    write!(toml, "\n[[rule]]\nnode = {}\n", quoted(&rule.node))?;
    write_terms(toml, rule)
}

/// All that a rule says but its node.
pub(super) fn write_terms(toml: &mut String, rule: &Rule) -> fmt::Result {
    if rule.direction != Direction::In {
        writeln!(toml, "direction = {}", quoted(rule.direction))?;
    }
    if rule.protocol != Protocol::Tcp {
        writeln!(toml, "protocol = {}", quoted(rule.protocol))?;
    }
    write_list(toml, "ports", &rule.ports, |range| port(*range))?;
    write_list(toml, "peer_ports", &rule.peer_ports, |range| port(*range))?;
    write_list(toml, "peers", &rule.peers, |peer| quoted(peer))?;
    if rule.flows != Flows::All {
        writeln!(toml, "flows = {}", quoted(rule.flows))?;
    }
    for (key, value) in rule.narrowing.toml() {
        writeln!(toml, "{key} = {value}")?;
    }
    writeln!(toml, "action = {}", quoted(rule.action))?;
    if let Some(delay) = rule.delay {
        writeln!(toml, "{} = {}", Delay::KEY, delay.toml())?;
    }
    if rule.close_sockets {
        toml.push_str("close_sockets = true\n");
    }
    if rule.loopback {
        toml.push_str("loopback = true\n");
    }
    write_list(toml, "interfaces", &rule.interfaces, |name| quoted(name))
}

pub(super) fn write_list<T>(
    toml: &mut String,
    key: &str,
    entries: &[T],
    written: impl Fn(&T) -> String,
) -> fmt::Result {
    if entries.is_empty() {
        return Ok(());
    }
    let entries: Vec<_> = entries.iter().map(written).collect();
    writeln!(toml, "{key} = [{}]", entries.join(", "))
}

fn port(port: PortRange) -> String {
    if port.first == port.last { port.to_string() } else { quoted(port) }
}

pub(super) fn quoted(text: impl Display) -> String {
    toml::Value::String(text.to_string()).to_string()
}

impl Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(selector) => selector.fmt(f),
            Self::Prefix(prefix) if prefix.prefix_len() == prefix.max_prefix_len() => prefix.addr().fmt(f),
            Self::Prefix(prefix) => prefix.fmt(f),
        }
    }
}
