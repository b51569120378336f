//! What each hook can do. A rule that a hook cannot honour is refused, never approximated.

use probe_ebpf::abi::Hook;

use crate::policy::{Action, Direction, PlannedRule};

/// What a hook can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The name on the command line and in reports.
    pub name: &'static str,
    /// Sees packets that leave the node.
    pub egress: bool,
    /// Knows the segments that a large `skb` stands for, and so their lengths.
    pub segments: bool,
    /// Can send a packet on twice, or changed.
    pub alters: bool,
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
            Hook::Xdp => Self { name: "xdp", egress: false, segments: false, alters: false },
            Hook::Tc => Self { name: "tc", egress: true, segments: true, alters: true },
        }
    }

    /// Refuses a rule that this hook cannot honour.
    pub fn check(&self, rule: &PlannedRule) -> Result<(), Refusal> {
        let refuse = |why: &str, way_out| {
            Err(Refusal { rule: rule.origin + 1, backend: self.name, why: why.to_owned(), way_out })
        };
        if !self.egress && rule.direction != Direction::In {
            return refuse(
                "it sees only packets that arrive, and the rule's direction is not `in`",
                "use `--backend tc`, or `auto`, which enforces departures by TC",
            );
        }
        if !self.segments && rule.narrowing.longer_than.is_some() {
            return refuse(
                "it does not know the lengths of the segments that the stack hands over in one piece",
                "use `--backend tc`, or `auto`",
            );
        }
        if !self.alters && matches!(rule.action, Action::Duplicate | Action::Corrupt) {
            return refuse("it can neither copy nor change a packet", "use `--backend tc`, or `auto`");
        }
        Ok(())
    }
}
