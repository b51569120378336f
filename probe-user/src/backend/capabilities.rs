//! What each hook can do. A rule that a hook cannot honour is refused, never approximated.

use probe_ebpf::abi::Hook;

use crate::policy::{Direction, PlannedRule};

/// What a hook can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The name on the command line and in reports.
    pub name: &'static str,
    /// Sees packets that leave the node.
    pub egress: bool,
}

/// Why a hook cannot honour a rule, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule} cannot be enforced by the {backend} backend: {why}; {way_out}")]
pub struct Refusal {
    /// The rule's place in the policy, from 1.
    pub rule: usize,
    /// The backend's name.
    pub backend: &'static str,
    /// What it cannot do.
    pub why: String,
    /// What to do about it.
    pub way_out: &'static str,
}

impl Capabilities {
    /// The capabilities of a hook.
    pub const fn of(hook: Hook) -> Self {
        match hook {
            Hook::Xdp => Self { name: "xdp", egress: false },
            Hook::Tc => Self { name: "tc", egress: true },
        }
    }

    /// Refuses a rule that this hook cannot honour.
    pub fn check(&self, rule: &PlannedRule) -> Result<(), Refusal> {
        if !self.egress && rule.direction != Direction::In {
            return Err(Refusal {
                rule: rule.origin + 1,
                backend: self.name,
                why: "it sees only packets that arrive, and the rule's direction is not `in`".to_owned(),
                way_out: "use `--backend tc`, or `auto`, which enforces departures by TC",
            });
        }
        Ok(())
    }
}
