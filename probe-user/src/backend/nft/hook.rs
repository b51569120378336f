//! Where netfilter meets the packets of a rule.

use serde::{Deserialize, Serialize};

use crate::policy::{Action, Direction, PlannedRule};

/// A hook that netsplit's chains hang on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Hook {
    /// What arrives at an interface, before connection tracking and before fragments are put together.
    Arriving,
    /// What the node itself sends, while its sender can still be answered.
    Sending,
    /// What leaves by an interface. netfilter cannot answer here (EOPNOTSUPP), only drop; a drop any earlier
    /// is told to the sender (EPERM), and a packet that vanishes is not.
    Leaving,
}

pub(super) const HOOKS: [Hook; 3] = [Hook::Arriving, Hook::Sending, Hook::Leaving];

impl Hook {
    /// The hooks that a rule needs. A departure that vanishes is let through while it is being sent, so that no
    /// later rule answers it, and vanishes where it leaves.
    pub(super) const fn of(rule: &PlannedRule) -> &'static [Self] {
        use Hook::{Arriving, Leaving, Sending};
        match (rule.direction, rule.action) {
            // netfilter can do neither, and such rules are refused.
            (_, Action::Duplicate | Action::Corrupt | Action::Delay) => &[],
            (Direction::In, _) => &[Arriving],
            (Direction::Out, Action::Drop) => &[Sending, Leaving],
            (Direction::Both, Action::Drop) => &[Arriving, Sending, Leaving],
            (Direction::Out, _) => &[Sending],
            (Direction::Both, _) => &[Arriving, Sending],
        }
    }

    /// Whether packets go in or out here.
    pub(super) const fn is_arriving(self) -> bool {
        matches!(self, Self::Arriving)
    }

    /// The family of the table. The egress hook is there for `netdev` alone.
    pub(super) const fn family(self) -> &'static str {
        match self {
            Self::Arriving | Self::Sending => "inet",
            Self::Leaving => "netdev",
        }
    }

    /// What the chains of this hook are called by.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Arriving => "in",
            Self::Sending => "out",
            Self::Leaving => "egress",
        }
    }

    /// The packet's interface.
    pub(super) const fn interface(self) -> &'static str {
        if self.is_arriving() { "iif" } else { "oif" }
    }

    /// How `netsplit status` calls it.
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::Arriving => "nft ingress",
            Self::Sending => "nft output",
            Self::Leaving => "nft egress",
        }
    }
}
