//! What each backend can do. A rule that a backend cannot honour is refused, never approximated.

use crate::policy::{Direction, PlannedRule};

/// Who can enforce a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// eBPF at the XDP hook.
    Xdp,
    /// eBPF at the TC hooks.
    Tc,
    /// netfilter.
    Nft,
}

/// What a backend can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The name on the command line and in reports.
    pub name: &'static str,
    /// Sees packets that leave the node.
    pub egress: bool,
    /// Answers what is merely forwarded through the node on its way out.
    pub answers_forwarded: bool,
    /// Answers as often as it is asked. The kernel limits how many ICMP errors netfilter may send
    /// (`net.ipv4.icmp_ratelimit`, `net.ipv6.icmp.ratelimit`).
    pub answers_all: bool,
    /// Sees behind two VLAN tags.
    pub double_tags: bool,
    /// Tells of a rule's first and last hit, and of a packet as an example.
    pub tells_hits: bool,
}

/// Why a backend cannot honour a rule, and the way out.
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
    /// The capabilities of a backend.
    pub const fn of(backend: Backend) -> Self {
        const EBPF: Capabilities = Capabilities {
            name: "tc",
            egress: true,
            answers_forwarded: true,
            answers_all: true,
            double_tags: true,
            tells_hits: true,
        };
        match backend {
            Backend::Xdp => Self { name: "xdp", egress: false, answers_forwarded: false, ..EBPF },
            Backend::Tc => EBPF,
            Backend::Nft => Self {
                name: "nft",
                answers_forwarded: false,
                answers_all: false,
                double_tags: false,
                tells_hits: false,
                ..EBPF
            },
        }
    }

    /// Refuses a rule that this backend cannot honour.
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
