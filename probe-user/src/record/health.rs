//! Whether a cluster is whole, and what it lacks.

use super::{
    View,
    words::{port_in_words, rest_in_words},
};

impl View {
    /// Whether the cluster of these nodes is whole: it lacks [nothing](Self::lacks).
    pub fn healthy(&self, nodes: &[&str]) -> bool {
        self.lacks(nodes).is_empty()
    }

    /// What keeps the cluster of these nodes from being whole, in words: one of them holds the leader key and is the
    /// only one that is writable, every one takes part and runs, every other streams, and etcd answers. What is not
    /// watched is not asked for, but the leader key and every node must have been seen.
    pub fn lacks(&self, nodes: &[&str]) -> Vec<String> {
        let mut lacks = Vec::new();
        let leader = self.holder();
        match leader {
            None => lacks.push("nobody holds the leader key".to_owned()),
            Some(leader) if !nodes.contains(&leader) => {
                lacks.push(format!("{leader}, who holds the leader key, is no node of the inventory"));
            }
            Some(_) => {}
        }
        if self.etcd == Some(false) {
            lacks.push("etcd does not answer".to_owned());
        }
        let writable = self.writable();
        if writable.len() > 1 {
            lacks.push(format!("{} are writable", writable.join(" and ")));
        } else if !self.inside.is_empty() && leader.is_some_and(|leader| writable != [leader]) {
            lacks.push(format!("{} is not writable", leader.unwrap_or_default()));
        }
        for node in nodes {
            let lacking = self.node_lacks(node, leader);
            if !lacking.is_empty() {
                lacks.push(format!("{node}: {}", lacking.join(", ")));
            }
        }
        lacks
    }

    fn node_lacks(&self, node: &str, leader: Option<&str>) -> Vec<String> {
        let (key, rest) = (self.members.get(node), self.rest.get(node));
        if key.is_none() && rest.is_none() && !self.inside.contains_key(node) {
            return vec!["not seen yet".to_owned()];
        }
        let mut lacks = Vec::new();
        match key {
            Some(None) => lacks.push("its member key is gone".to_owned()),
            Some(Some(key)) if key.state != "running" && key.state != "streaming" => {
                lacks.push(format!("its member key says {}", key.state));
            }
            _ => {}
        }
        if let Some(rest) = rest.filter(|rest| rest.status() != Some(200)) {
            lacks.push(format!("its REST API: {}", rest_in_words(rest)));
        }
        if let Some(port) = self.ports.get(node).filter(|port| **port != super::PortState::Accepts) {
            lacks.push(format!("its PostgreSQL port: {}", port_in_words(port)));
        }
        if !self.up_somewhere(node) {
            lacks.push("HAProxy has it DOWN".to_owned());
        }
        // A standby that runs and does not stream yet would lose writes if it were promoted now.
        let mut standbys = self.replication.values().flatten();
        let streams = standbys.any(|from| from.get(node).is_some_and(|it| it.state == "streaming"));
        if !self.replication.is_empty() && leader.is_some_and(|leader| leader != node) && !streams {
            lacks.push("it does not stream".to_owned());
        }
        lacks
    }
}
