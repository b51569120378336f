//! A plan for people and for programs: the dry run.

use std::fmt::{self, Display};

use comfy_table::{Table, presets};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Direction, Flows, Peer, Plan, PlannedRule, Protocol};

/// The version of [`Plan::to_json`]'s form.
const SCHEMA: &str = "netsplit/plan/1";

/// A plan as [`Plan::to_json`] writes it.
#[derive(JsonSchema, Serialize)]
pub(crate) struct PrintedPlan<'p> {
    /// The version of this format.
    schema: &'static str,
    #[serde(flatten)]
    plan: &'p Plan,
}

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
        serde_json::to_string_pretty(&PrintedPlan { schema: SCHEMA, plan: self })
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
        write!(f, "{}: {}", self.narrowing, self.action)?;
        if let Some(delay) = self.delay {
            delay.fmt(f)?;
        }
        if self.loopback {
            f.write_str(", also on lo")?;
        }
        if self.close_sockets {
            f.write_str(", open sockets closed")?;
        }
        Ok(())
    }
}

fn joined(entries: &[impl Display]) -> String {
    entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Narrowing, NodePlan, PortRange};
    use super::*;
    use crate::{cluster::Target, schema::tests::assert_fits};

    fn narrow() -> PlannedRule {
        PlannedRule {
            origin: 1,
            direction: Direction::Both,
            protocol: Protocol::Any,
            ports: vec![PortRange { first: 5432, last: 5432 }, PortRange { first: 6000, last: 6010 }],
            peer_ports: vec![PortRange { first: 1024, last: 65535 }],
            peers: vec!["10.88.0.12/32".parse().expect("a prefix"), "fd00::/64".parse().expect("a prefix")],
            flows: Flows::All,
            narrowing: Narrowing::default(),
            action: Action::Reject,
            delay: None,
            close_sockets: true,
            loopback: false,
            interfaces: vec!["eth0".into(), "eth1".into()],
        }
    }

    fn plan() -> Plan {
        let node = |node: &str, rules| NodePlan {
            node: node.into(),
            target: Target::Netns(format!("lab-{node}")),
            rules,
        };
        Plan {
            description: "two nodes".into(),
            nodes: vec![node("pg1", vec![PlannedRule::sample(), narrow()]), node("pg2", vec![narrow()])],
        }
    }

    #[test]
    fn a_rule_is_one_line() {
        let out = PlannedRule {
            direction: Direction::Out,
            protocol: Protocol::Any,
            ports: vec![],
            loopback: false,
            ..PlannedRule::sample()
        };
        let new = PlannedRule { flows: Flows::New, action: Action::Reset, ..PlannedRule::sample() };
        let lines = [PlannedRule::sample(), narrow(), out, new].map(|rule| rule.to_string()).join("\n");
        insta::assert_snapshot!(lines, @"
        in tcp 5432 from everyone: drop, also on lo
        both tcp and udp 5432,6000-6010 with 10.88.0.12,fd00::/64 port 1024-65535: reject, open sockets closed
        out any protocol to everyone: drop
        in tcp 5432 from everyone, new connections: reset, also on lo
        ");
    }

    #[test]
    fn a_plan_is_a_table() {
        insta::assert_snapshot!(plan().to_table(), @"
        NODE  TARGET         RULE  INTERFACES  WHAT
        pg1   netns:lab-pg1  1     all and lo  in tcp 5432 from everyone: drop, also on lo
        pg1   netns:lab-pg1  2     eth0, eth1  both tcp and udp 5432,6000-6010 with 10.88.0.12,fd00::/64 port 1024-65535: reject, open sockets closed
        pg2   netns:lab-pg2  2     eth0, eth1  both tcp and udp 5432,6000-6010 with 10.88.0.12,fd00::/64 port 1024-65535: reject, open sockets closed
        ");
    }

    #[test]
    fn a_plan_is_versioned_json_that_reads_back() {
        let json = plan().to_json().expect("JSON");
        assert_eq!(serde_json::from_str::<Plan>(&json).expect("a plan"), plan());
        assert_fits("plan", &serde_json::from_str::<serde_json::Value>(&json).expect("JSON"));
        insta::assert_snapshot!(json);
    }
}
