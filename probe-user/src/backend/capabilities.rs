//! What each backend can do. A rule that a backend cannot honour is refused, never approximated.

use crate::policy::{Action, Direction, PlannedRule};

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
#[expect(clippy::struct_excessive_bools, reason = "a table of what can be done and what cannot")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The name on the command line and in reports.
    pub name: &'static str,
    /// Sees packets that leave the node.
    pub egress: bool,
    /// Answers what leaves without the node's own stack: what is merely forwarded, and what a packet socket sends.
    pub answers_forwarded: bool,
    /// Answers as often as it is asked, and whatever may be answered. The kernel limits how many ICMP errors netfilter
    /// may send (`net.ipv4.icmp_ratelimit`, `net.ipv6.icmp.ratelimit`), and sends none about ICMP of a type that it does
    /// not know, nor about an IPv6 packet with nothing behind its headers.
    pub answers_all: bool,
    /// Answers without a word to the sender's system call. netfilter fails the call (EPERM) that sends what a rule
    /// with an answer hits, also where nothing may be answered.
    pub answers_alone: bool,
    /// Sees behind two VLAN tags.
    pub double_tags: bool,
    /// Sees behind an IPv6 authentication header (RFC 4302).
    pub authenticated: bool,
    /// Tells of a rule's first and last hit, and of a packet as an example.
    pub tells_hits: bool,
    /// Knows the segments that a large `skb` stands for, and so their lengths.
    pub segments: bool,
    /// Can send a packet on twice, changed, or later.
    pub alters: bool,
    /// Knows which packet of its flow a packet is.
    pub remembers_flows: bool,
    /// Goes on and off by the kernel's clock.
    pub flaps: bool,
    /// Hits what exceeds a rate, counted as the policy says.
    pub paces: bool,
    /// Leaves to chance in such a way that a seed makes it happen again.
    pub repeats_chance: bool,
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
            segments: true,
            alters: true,
            remembers_flows: true,
            flaps: true,
            paces: true,
            repeats_chance: true,
            answers_forwarded: true,
            answers_all: true,
            answers_alone: true,
            double_tags: true,
            authenticated: true,
            tells_hits: true,
        };
        match backend {
            Backend::Xdp => Self {
                name: "xdp",
                egress: false,
                segments: false,
                alters: false,
                answers_forwarded: false,
                ..EBPF
            },
            Backend::Tc => EBPF,
            Backend::Nft => Self {
                name: "nft",
                segments: false,
                alters: false,
                remembers_flows: false,
                flaps: false,
                paces: false,
                repeats_chance: false,
                answers_forwarded: false,
                answers_all: false,
                answers_alone: false,
                double_tags: false,
                authenticated: false,
                tells_hits: false,
                ..EBPF
            },
        }
    }

    /// Refuses a rule that this backend cannot honour.
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
        if !self.alters && matches!(rule.action, Action::Duplicate | Action::Corrupt | Action::Delay) {
            return refuse(
                "it can neither copy nor change a packet, nor hold one back",
                "use `--backend tc`, or `auto`",
            );
        }
        let narrowing = &rule.narrowing;
        for (can, asked, why) in [
            (
                self.remembers_flows,
                narrowing.from_packet.is_some() || narrowing.from_byte.is_some(),
                "it does not know which packet of its flow a packet is",
            ),
            (self.flaps, narrowing.flap.is_some(), "it cannot go on and off by the kernel's clock"),
            (self.paces, narrowing.above_rate.is_some(), "its limits count otherwise than `above_rate`"),
        ] {
            if asked && !can {
                return refuse(why, "use `--backend tc`, or `auto`");
            }
        }
        if self.name == "nft"
            && narrowing.probability.is_some()
            && rule.action == Action::Drop
            && rule.direction != Direction::In
        {
            return refuse(
                "what leaves is judged twice, so that later rules do not answer what is to vanish, and chance would \
                 fall differently each time",
                "use `--backend tc`",
            );
        }
        if narrowing.seed.is_some() && !self.repeats_chance {
            return refuse(
                "the kernel's random numbers take no seed from it",
                "leave `seed` out, or use `--backend tc`",
            );
        }
        Ok(())
    }
}
