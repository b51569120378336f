//! Policies and clusters as somebody could have written them, made of any bytes.
//!
//! As text, so that they go the way of every policy: what the parser refuses never comes to the resolver.

use std::fmt::Write;

use arbitrary::{Result, Unstructured};

/// Few names, so that they meet.
const NAMES: [&str; 4] = ["pg1", "pg2", "pg3", "pg4"];

const NODES: [&str; 12] = [
    "local",
    "@leader",
    "@replica",
    "@any-replica",
    "@other-replica",
    "@sync",
    "@any",
    "*",
    "pg1",
    "pg2",
    "pg3",
    "nobody",
];

const PREFIXES: [&str; 10] = [
    "10.0.0.1",
    "10.0.0.2",
    "10.0.0.0/24",
    "10.0.0.0/30",
    "0.0.0.0/0",
    "127.0.0.0/8",
    "::/0",
    "fd00::/8",
    "fd00::2",
    "::ffff:0:0/96",
];

const PORTS: [&str; 7] = ["5432", "8008", "1", "65535", "\"5430-5440\"", "\"1-65535\"", "\"5432-8008\""];

/// What a rule may be enforced on and name.
#[derive(Clone, Copy)]
pub(crate) enum Scope {
    /// Nodes by name and by role, and prefixes.
    Cluster,
    /// `local`, and prefixes.
    Local,
}

/// A policy of up to six rules.
pub(crate) fn policy(bytes: &mut Unstructured<'_>, scope: Scope) -> Result<String> {
    let mut text = String::from("description = \"made of bytes\"\n");
    for _ in 0..bytes.int_in_range(1..=6)? {
        let node = match scope {
            Scope::Cluster => *bytes.choose(&NODES)?,
            Scope::Local => "local",
        };
        let direction = bytes.choose(&["in", "out", "both"])?;
        let action = bytes.choose(&["drop", "reject", "reset"])?;
        let protocol = bytes.choose(&["tcp", "udp", "any"])?;
        let flows = bytes.choose(&["all", "new", "established"])?;
        let loopback: bool = bytes.arbitrary()?;
        let mut peers = Vec::new();
        for _ in 0..bytes.int_in_range(0..=3)? {
            let named = matches!(scope, Scope::Cluster) && bytes.arbitrary()?;
            peers.push(format!("{:?}", if named { bytes.choose(&NODES)? } else { bytes.choose(&PREFIXES)? }));
        }
        let peers = list("peers", &peers);
        let (ports, peer_ports) =
            (list("ports", &some_ports(bytes)?), list("peer_ports", &some_ports(bytes)?));
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "[[rule]]\nnode = {node:?}\ndirection = {direction:?}\naction = {action:?}\nprotocol = {protocol:?}\n\
             flows = {flows:?}\nloopback = {loopback}\n{peers}{ports}{peer_ports}"
        );
    }
    Ok(text)
}

fn some_ports(bytes: &mut Unstructured<'_>) -> Result<Vec<String>> {
    let how_many = bytes.int_in_range(0..=2)?;
    (0..how_many).map(|_| bytes.choose(&PORTS).map(|ports| (*ports).to_owned())).collect()
}

fn list(key: &str, entries: &[String]) -> String {
    if entries.is_empty() { String::new() } else { format!("{key} = [{}]\n", entries.join(", ")) }
}

/// An inventory of one to four nodes, in any order; the first of them may be where `local` is.
pub(crate) fn inventory(bytes: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::from(
        "scope = \"main\"\n[timings]\nttl = 30\nloop_wait = 10\nretry_timeout = 10\n[observer]\n\
         transport = \"local\"\n[postgres]\nuser = \"postgres\"\npassword = \"x\"\ndatabase = \"postgres\"\n\
         [etcd]\nendpoints = [\"http://10.0.0.9:2379\"]\n",
    );
    let at = bytes.int_in_range(0..=3)?;
    let here: bool = bytes.arbitrary()?;
    let ipv6: bool = bytes.arbitrary()?;
    for place in 0..bytes.int_in_range(1..=4)? {
        let name = NAMES[(at + place) % NAMES.len()];
        let last = place + 1;
        let transport = if here && place == 0 { "local".to_owned() } else { format!("netns:{name}") };
        let address = if ipv6 { format!("fd00::{last}") } else { format!("10.0.0.{last}") };
        let _ = write!(text, "[[node]]\nname = {name:?}\ntransport = {transport:?}\naddress = {address:?}\n");
    }
    Ok(text)
}

/// One of the names that the inventories know, or one that they do not.
pub(crate) fn name(bytes: &mut Unstructured<'_>) -> Result<String> {
    Ok((*bytes.choose(&["pg1", "pg2", "pg3", "pg4", "stranger"])?).to_owned())
}
