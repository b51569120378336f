//! Single words: node selectors, peers and interfaces.

use super::address;
use crate::{
    document::{Problem, Problems, Reported, Span, list_of, nearest},
    policy::{NodeSelector, Peer},
};

/// Something together with its place in the text.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// What is wrong with a word, before its place is known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) label: String,
    pub(super) help: String,
}

impl Wrong {
    pub(super) fn new(message: impl Into<String>, label: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), label: label.into(), help: help.into() }
    }

    pub(super) fn report(self, span: Span, problems: &Problems) -> Reported {
        problems.report(Problem::new(self.message).at(span, self.label).help(self.help))
    }
}

/// An entry of `peers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// `*`
    Everyone,
    /// A node or an address.
    Peer(Peer),
}

/// Reads the `node` of a rule.
pub(super) fn node(text: &str) -> Result<NodeSelector, Wrong> {
    match text {
        "local" => Ok(NodeSelector::Local),
        "*" => Ok(NodeSelector::All),
        _ if text.starts_with('@') => role(text),
        _ if address::looks_like_one(text) => Err(Wrong::new(
            format!("`{text}` is not a node"),
            "this is an address",
            "write the node's name in the inventory, a role such as \"@leader\", or \"local\"",
        )),
        _ => name(text),
    }
}

/// Reads an entry of `peers`.
pub(super) fn peer(text: &str) -> Result<Who, Wrong> {
    match text {
        "*" => Ok(Who::Everyone),
        "local" => Err(Wrong::new(
            "`local` cannot be a peer",
            "this is where a rule is enforced",
            "for what a node sends to itself, set loopback = true",
        )),
        _ if text.starts_with('@') => role(text).map(|role| Who::Peer(Peer::Node(role))),
        _ if address::looks_like_one(text) => {
            address::prefix(text).map(|prefix| Who::Peer(Peer::Prefix(prefix)))
        }
        _ => name(text).map(|name| Who::Peer(Peer::Node(name))),
    }
}

/// Reads the name of a network interface as the kernel takes it (`dev_valid_name` in `net/core/dev.c`).
pub(super) fn interface(text: &str) -> Result<String, Wrong> {
    let label = if text.is_empty() {
        "empty"
    } else if text.len() > 15 {
        "longer than 15 bytes (IFNAMSIZ)"
    } else if matches!(text, "." | "..") || text.contains(|c: char| c == '/' || c == ':' || c.is_whitespace())
    {
        "a character that no interface's name has"
    } else {
        return Ok(text.to_owned());
    };
    let help = "`ip -brief link` lists the interfaces; leave `interfaces` out for every one that is up";
    Err(Wrong::new(format!("`{text}` is not the name of an interface"), label, help))
}

fn role(text: &str) -> Result<NodeSelector, Wrong> {
    if let Some((_, role)) = NodeSelector::ROLES.iter().find(|(word, _)| *word == text) {
        return Ok(role.clone());
    }
    let known = || NodeSelector::ROLES.iter().map(|(word, _)| *word);
    // What others call the same roles.
    let meant = match text {
        "@primary" | "@master" => Some("@leader"),
        "@standby" | "@secondary" | "@slave" => Some("@replica"),
        _ => nearest(text, known()),
    };
    let help = match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the roles are {}", list_of(known(), "and")),
    };
    Err(Wrong::new(format!("there is no role `{text}`"), "unknown role", help))
}

fn name(text: &str) -> Result<NodeSelector, Wrong> {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && text.chars().all(good) {
        return Ok(NodeSelector::Name(text.to_owned()));
    }
    Err(Wrong::new(
        format!("`{text}` is not the name of a node"),
        if text.is_empty() { "empty" } else { "a character that no node's name has" },
        "names have letters, digits, `-`, `_` and `.`; roles begin with `@`",
    ))
}
