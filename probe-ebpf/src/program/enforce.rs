//! The pipeline: control, decode, decide, count, act.

use aya_ebpf::{helpers::generated::bpf_ktime_get_boot_ns, maps::lpm_trie::Key};
use aya_log_ebpf::debug;
use probe_ebpf::{
    abi::{
        Action, Entry, Hit, Hook, InterfaceKey, LOOPBACK_IFINDEX, MAX_RULES, Observation, PEER_KEY_BANK_BITS,
        PeerKey, RuleMask, Ruleset, Way,
    },
    decode::{Malformed, decode},
    verdict::{Seat, Surroundings, decide, first_look},
};

use super::{
    frame::Frame,
    maps::{CONTROL, COUNTERS, HITS, INTERFACES, OBSERVED, PEERS, RULESETS},
    memory::narrowed_rule_hits,
    parked::{PARKED, Parked, park},
};

/// Where a packet is met.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) way: Way,
    pub(crate) hook: Hook,
    pub(crate) ifindex: u32,
}

/// What becomes of the packet.
pub(crate) enum Decision {
    Pass,
    Drop,
}

/// Judges a packet and carries the verdict out.
#[inline(always)]
pub(crate) fn enforce<F: Frame>(frame: &F, place: Place) -> Decision {
    judge(frame, place).unwrap_or(Decision::Pass)
}

#[inline(always)]
fn judge<F: Frame>(frame: &F, place: Place) -> Option<Decision> {
    let control = CONTROL.get(0)?;
    let bank = control.bank & 1;
    let ruleset = RULESETS.get(bank)?;
    if !concerns_a_rule(frame, ruleset, place.way) {
        return None;
    }
    let parked = PARKED.get(0)?;
    let rank = rank(ruleset, parked, place, bank);
    if rank >= MAX_RULES {
        return None;
    }
    let entry = ruleset.entries[rank];
    let action = Action::from_number(entry.action)?;
    if action == Action::Corrupt && !parked.packet.has_data() {
        return None;
    }
    record(frame, parked, place.way, entry, control.recording != 0);
    if action != Action::Drop {
        // Another program carries it out, and this one ends here: unless that one is missing.
        frame.hand_over(action);
        observe(Observation::Unanswered);
    }
    Some(Decision::Drop)
}

/// Decodes the packet and parks it if its ports may concern a rule; nearly every packet's way ends here. A
/// function of its own for the stack's sake.
#[inline(never)]
fn concerns_a_rule<F: Frame>(frame: &F, ruleset: &Ruleset, way: Way) -> bool {
    let packet = match decode(frame) {
        Ok(Some(packet)) => packet,
        Ok(None) => return false,
        Err(Malformed) => {
            observe(Observation::Unparsed);
            return false;
        }
    };
    let candidates = first_look(ruleset, &packet, way);
    if candidates.is_empty() {
        if packet.later_fragment {
            observe(Observation::FragmentPassed);
        }
        return false;
    }
    park(frame, packet, candidates, way).is_some()
}

/// The rank of the rule that decides, or `MAX_RULES` if none does: a BPF function answers with one number. A
/// function of its own for the stack's sake.
#[inline(never)]
fn rank(ruleset: &Ruleset, parked: &Parked, place: Place, bank: u32) -> usize {
    let lookups = Lookups { ruleset, parked, place, bank };
    let seat = Seat { way: place.way, hook: place.hook, loopback: place.ifindex == LOOPBACK_IFINDEX };
    decide(ruleset, parked.candidates, &parked.packet, seat, &lookups).unwrap_or(MAX_RULES)
}

/// The look-ups that a rule may need.
struct Lookups<'a> {
    ruleset: &'a Ruleset,
    parked: &'a Parked,
    place: Place,
    bank: u32,
}

impl Surroundings for Lookups<'_> {
    #[inline(always)]
    fn peer_rules(&self) -> RuleMask {
        let key =
            Key::new(PEER_KEY_BANK_BITS + 128, PeerKey { bank: self.bank, address: *self.parked.peer() });
        PEERS.get(&key).copied().unwrap_or(RuleMask::EMPTY)
    }

    #[inline(always)]
    fn interface_rules(&self) -> RuleMask {
        let key = InterfaceKey { bank: self.bank, ifindex: self.place.ifindex };
        // SAFETY: user space fills a bank before packets see it and leaves it alone while they do.
        unsafe { INTERFACES.get(&key) }.copied().unwrap_or(RuleMask::EMPTY)
    }

    #[inline(always)]
    fn now_ns(&self) -> u64 {
        // SAFETY: a helper call without arguments.
        unsafe { bpf_ktime_get_boot_ns() }
    }

    #[inline(always)]
    fn hits(&self, rank: usize, now_ns: u64) -> bool {
        narrowed_rule_hits(self.ruleset, self.parked, rank, now_ns)
    }
}

/// Counts a hit and, while somebody listens, tells of it. A function of its own for the stack's sake.
#[inline(never)]
fn record<F: Frame>(frame: &F, parked: &Parked, way: Way, entry: Entry, recording: bool) {
    // SAFETY: a helper call without arguments.
    let now_ns = unsafe { bpf_ktime_get_boot_ns() };
    let bytes = frame.length();
    if let Some(counter) = COUNTERS.get_ptr_mut(entry.counter) {
        // SAFETY: the map's element of this processor, which no other program of ours runs on meanwhile.
        let counter = unsafe { &mut *counter };
        counter.packets += 1;
        counter.bytes += bytes as u64;
        counter.last_ns = now_ns;
        if counter.first_ns == 0 {
            counter.first_ns = now_ns;
        }
    }
    let packet = &parked.packet;
    debug!(
        frame.context(),
        "counter {} action {} protocol {} ports {} > {}",
        entry.counter,
        entry.action,
        packet.protocol,
        packet.source_port,
        packet.destination_port
    );
    if !recording {
        return;
    }
    let Some(mut slot) = HITS.reserve::<Hit>(0) else {
        observe(Observation::HitUntold);
        return;
    };
    slot.write(Hit {
        boot_ns: now_ns,
        source: parked.source,
        destination: parked.destination,
        source_port: packet.source_port,
        destination_port: packet.destination_port,
        counter: entry.counter,
        bytes: bytes as u32,
        protocol: packet.protocol,
        tcp_flags: packet.tcp_flags,
        action: entry.action,
        way: way as u8,
    });
    slot.submit(0);
}

#[inline(always)]
pub(super) fn observe(what: Observation) {
    if let Some(count) = OBSERVED.get_ptr_mut(what as u32) {
        // SAFETY: the map's element of this processor.
        unsafe { *count += 1 }
    }
}
