//! What the programs said of a packet.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// What became of a packet at one place, and by whose hand.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Decision {
    /// The node.
    pub node: String,
    /// Which way the packet went there: `in` or `out`.
    pub way: &'static str,
    /// The interface that it was met on; none is any that no rule names.
    pub interface: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The hook that decided: `xdp`, `tc ingress` or `tc egress`; none, if no rule did.
    pub hook: Option<&'static str>,
    /// The rule or topology that decided, counted as [`crate::policy::Policy::part`] does.
    pub origin: Option<usize>,
    /// The rule in words.
    pub rule: Option<String>,
    /// Where no rule decided: a rule that hits some of such packets, and did not hit this one.
    pub spared_by: Option<String>,
}

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It goes on.
    Passes,
    /// It vanished.
    Dropped,
    /// It became its own answer, which goes back.
    Answered {
        /// The answer in a packet's words.
        answer: String,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passes => f.write_str("passes"),
            Self::Dropped => f.write_str("dropped"),
            Self::Answered { answer } => write!(f, "answered with {answer}"),
        }
    }
}

/// Such as `arriving at pg1 on eth0: dropped`, and who decided it on a line of its own.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.way == "in" { "arriving at" } else { "leaving" };
        write!(f, "{way} {}", self.node)?;
        if let Some(interface) = &self.interface {
            write!(f, " on {interface}")?;
        }
        write!(f, ": {}", self.outcome)?;
        match (&self.rule, self.hook) {
            (Some(rule), Some(hook)) => write!(f, "\n  by {hook}: {rule}"),
            _ => match &self.spared_by {
                Some(rule) => write!(f, " this time\n  it may be hit: {rule}"),
                None => f.write_str(", no rule is about it"),
            },
        }
    }
}
