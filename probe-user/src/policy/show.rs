//! A plan for people and for programs: the dry run.

use std::fmt::{self, Display};

use comfy_table::{Table, presets};
use serde::Serialize;

use super::{Direction, Flows, Peer, Plan, PlannedRule, Protocol};

/// The version of [`Plan::to_json`]'s form.
const SCHEMA: &str = "netsplit/plan/1";

impl Plan {
    /// The plan as a table, without a newline at its end.
    pub fn to_table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header(["NODE", "TARGET", "RULE", "INTERFACES", "WHAT"]);
        for node in &self.nodes {
            for rule in &node.rules {
                table.add_row([
                    node.node.clone(),
                    node.target.to_string(),
                    (rule.origin + 1).to_string(),
                    interfaces(rule),
                    rule.to_string(),
                ]);
            }
        }
        table.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>().join("\n")
    }

    /// The plan as one versioned JSON object: `schema`, and the plan's own fields.
    pub fn to_json(&self) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct Versioned<'p> {
            schema: &'static str,
            #[serde(flatten)]
            plan: &'p Plan,
        }
        serde_json::to_string_pretty(&Versioned { schema: SCHEMA, plan: self })
    }
}

fn interfaces(rule: &PlannedRule) -> String {
    match (rule.interfaces.as_slice(), rule.loopback) {
        ([], false) => "all but lo".to_owned(),
        ([], true) => "all and lo".to_owned(),
        (named, _) => named.join(", "),
    }
}

/// One line, such as `in tcp 5432 from everyone: drop, also on lo`.
impl Display for PlannedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with_ports = !self.ports.is_empty() || !self.peer_ports.is_empty();
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Any if with_ports => "tcp and udp",
            Protocol::Any => "any protocol",
        };
        write!(f, "{} {protocol}", self.direction)?;
        if !self.ports.is_empty() {
            write!(f, " {}", joined(&self.ports))?;
        }
        f.write_str(match self.direction {
            Direction::In => " from ",
            Direction::Out => " to ",
            Direction::Both => " with ",
        })?;
        if self.peers.is_empty() {
            f.write_str("everyone")?;
        } else {
            let peers: Vec<_> = self.peers.iter().map(|peer| Peer::Prefix(*peer)).collect();
            f.write_str(&joined(&peers))?;
        }
        if !self.peer_ports.is_empty() {
            write!(f, " port {}", joined(&self.peer_ports))?;
        }
        match self.flows {
            Flows::All => {}
            Flows::New => f.write_str(", new connections")?,
            Flows::Established => f.write_str(", established connections")?,
        }
        write!(f, ": {}", self.action)?;
        if self.loopback {
            f.write_str(", also on lo")?;
        }
        Ok(())
    }
}

fn joined(entries: &[impl Display]) -> String {
    entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
