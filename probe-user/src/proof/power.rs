//! What a probe can prove of a gray failure.
//!
//! | Rule | A probe | CONFIRMED |
//! |---|---|---|
//! | `probability`, `flap` | is repeated at once, a few times, until it meets the fault | if one did, and was hit; if none did, nothing is known |
//! | `tcp_flags` | sends what has them: the handshake, or the end of a connection | as any other; nothing is known of flags that no probe sends |
//! | `longer_than` (40 bytes or more), `from_packet`, `from_byte`, `above_rate` | is spared, being short and the first of its flow | if the rule drops, has this edge alone, and packets of others were hit |
//! | `delay` | has its answer late, by the time less the jitter at least | if that is no more than five seconds, and a connection |
//! | `duplicate`, `corrupt` and whatever else lets a packet go on | meets no fault | if the rule has this edge alone, and packets of others were hit |

use probe_ebpf::decode::tcp_flag::{ACK, FIN, SYN};

use crate::{
    policy::{Action, Flows, PlannedRule, Protocol},
    proof::Manner,
    record::ProbeMet,
};

/// How often a probe is repeated where chance decides.
const TRIES: u32 = 8;

/// How late an answer may be for a probe to wait for it, in nanoseconds.
const LATEST_NS: u64 = 5_000_000_000;

/// The shortest packet that `longer_than` must name to spare a probe: IPv4 and TCP headers without options.
const SHORTEST: u32 = 40;

impl PlannedRule {
    /// Why the rule spares every probe, if it does.
    pub(super) fn spares_probes(&self) -> Option<&'static str> {
        let narrowing = &self.narrowing;
        match () {
            () if narrowing.longer_than.is_some_and(|length| length.0 >= SHORTEST) => {
                Some("a probe is as short as packets are, and the rule spares such")
            }
            () if narrowing.from_packet.is_some() || narrowing.from_byte.is_some() => {
                Some("a probe is a flow's first packet, and the rule spares those")
            }
            () if narrowing.above_rate.is_some() => {
                Some("one probe is no rate, and the rule spares what is slow")
            }
            () if self.answer(Manner::Connect).is_none() => {
                Some("what the rule does to a packet, a probe cannot see")
            }
            () => None,
        }
    }

    /// How often a probe is tried until it meets the rule's fault.
    pub(super) fn tries(&self) -> u32 {
        let chance = self.narrowing.probability.is_some() || self.narrowing.flap.is_some();
        if chance { TRIES } else { 1 }
    }

    /// What a probe sends.
    pub(super) fn manner(&self) -> Manner {
        match (self.protocol, self.flows) {
            (Protocol::Udp, _) => Manner::Datagram,
            (_, Flows::Established) => Manner::Farewell,
            _ if !self.names_flags(SYN) && self.names_flags(FIN | ACK) => Manner::Farewell,
            _ => Manner::Connect,
        }
    }

    /// Whether a segment with these control bits is one of those that `tcp_flags` names.
    pub(super) fn names_flags(&self, flags: u8) -> bool {
        self.narrowing.tcp_flags.is_none_or(|named| flags & named.mask == named.value)
    }

    /// What the sender of a packet meets that the rule hits; `None` if the packet goes on.
    pub(super) fn answer(&self, manner: Manner) -> Option<ProbeMet> {
        match self.action {
            Action::Drop => Some(ProbeMet::Silence),
            Action::Reject => Some(ProbeMet::Rejected),
            // There is no RST for a datagram, which vanishes then.
            Action::Reset if manner == Manner::Datagram => Some(ProbeMet::Silence),
            Action::Reset => Some(ProbeMet::Reset),
            // Who gets a datagram answers it or not, sooner or later.
            Action::Delay if manner != Manner::Datagram => {
                let least_ns = self.delay.map(|delay| delay.time_ns - delay.jitter_ns)?;
                (1..=LATEST_NS).contains(&least_ns).then_some(ProbeMet::Late { least_ns })
            }
            _ => None,
        }
    }
}
