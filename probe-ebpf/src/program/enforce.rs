//! The pipeline: control, decode, decide, count, act.

use core::cmp::max;

use aya_ebpf::maps::lpm_trie::Key;
use aya_log_ebpf::debug;
use probe_ebpf::{
    abi::{
        Action, Entry, Hit, Hook, InterfaceKey, LOOPBACK_IFINDEX, MAX_RULES, NARROWED, Observation,
        PEER_KEY_BANK_BITS, PeerKey, RuleMask, Ruleset, Way,
    },
    decode::{Malformed, decode},
    verdict::{Seat, Surroundings, Verdict, first_look, first_that_hits, judge},
};

use super::{
    clock,
    frame::Frame,
    maps::{CONTROL, COUNTERS, HELD_UNTIL, HITS, INTERFACES, OBSERVED, PEERS, RULESETS},
    memory::narrowed_rule_hits,
    parked::{PARKED, Parked, park, park_counter},
};

/// Where a packet is met.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) way: Way,
    pub(crate) hook: Hook,
    pub(crate) ifindex: u32,
}

impl Place {
    #[inline(always)]
    const fn seat(self) -> Seat {
        Seat { way: self.way, hook: self.hook, loopback: self.ifindex == LOOPBACK_IFINDEX }
    }
}

/// What becomes of the packet.
pub(crate) enum Decision {
    Pass,
    Drop,
}

/// Judges a packet and carries the verdict out.
#[inline(always)]
pub(crate) fn enforce<F: Frame>(frame: &F, place: Place) -> Decision {
    try_enforce(frame, place).unwrap_or(Decision::Pass)
}

#[inline(always)]
fn try_enforce<F: Frame>(frame: &F, place: Place) -> Option<Decision> {
    let mut seen = frame.look(place.way);
    if seen == Look::Unparsed as u64 && frame.pull_headers() {
        seen = frame.look(place.way);
    }
    if seen != Look::Parked as u64 {
        if seen == Look::Unparsed as u64 {
            observe(Observation::Unparsed);
        }
        return None;
    }
    let parked = PARKED.get(0)?;
    let ruleset = parked.ruleset()?;
    let now_ns = clock::this_tick_ns();
    match rank(ruleset, parked, place, now_ns) {
        NO_RULE => None,
        ASK_THE_NARROWED => {
            frame.hand_over(NARROWED);
            // Whoever commits a narrowed rule has that program ready.
            None
        }
        rank => carry_out(frame, ruleset, parked, rank, now_ns),
    }
}

/// Judges a parked packet by all rules, the narrowed ones included.
#[inline(always)]
pub(crate) fn enforce_narrowed<F: Frame>(frame: &F, place: Place) -> Decision {
    try_enforce_narrowed(frame, place).unwrap_or(Decision::Pass)
}

#[inline(always)]
fn try_enforce_narrowed<F: Frame>(frame: &F, place: Place) -> Option<Decision> {
    let parked = PARKED.get(0)?;
    let ruleset = parked.ruleset()?;
    let place = Place { way: parked.way, ..place };
    let now_ns = clock::now_ns();
    match narrowed_rank(ruleset, parked, place, now_ns) {
        NO_RULE => None,
        rank => carry_out(frame, ruleset, parked, rank, now_ns),
    }
}

/// Counts the hit, and does what the rule says.
#[inline(always)]
fn carry_out<F: Frame>(
    frame: &F,
    ruleset: &Ruleset,
    parked: &Parked,
    rank: usize,
    now_ns: u64,
) -> Option<Decision> {
    let entry = ruleset.entries[rank & (MAX_RULES - 1)];
    let action = Action::from_number(entry.action)?;
    if action == Action::Corrupt && !parked.packet.has_data() {
        return None;
    }
    if action == Action::Delay && !is_held(entry.counter) {
        observe(Observation::Unheld);
        return None;
    }
    record(frame, parked, entry, now_ns, CONTROL.get(0)?.recording != 0);
    if action != Action::Drop {
        park_counter(entry.counter);
        // Another program carries it out, and this one ends here: unless that one is missing.
        frame.hand_over(action as u32);
        observe(Observation::Unanswered);
    }
    Some(Decision::Drop)
}

/// Whether somebody holds the packets of this rule.
#[inline(always)]
fn is_held(counter: u32) -> bool {
    HELD_UNTIL.get(counter).is_some_and(|&until_ns| clock::now_ns() < until_ns)
}

/// What a look at a packet tells.
#[repr(u64)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// No rule can concern it. Nearly every packet's way ends here.
    Passes = 0,
    /// It is parked.
    Parked = 1,
    /// It could not be parsed.
    Unparsed = 2,
}

/// Decodes a packet and parks it if its ports may concern a rule.
#[inline(always)]
pub(super) fn look<F: Frame>(frame: &F, way: Way) -> u64 {
    try_look(frame, way).unwrap_or(Look::Passes) as u64
}

#[inline(always)]
fn try_look<F: Frame>(frame: &F, way: Way) -> Option<Look> {
    let bank = CONTROL.get(0)?.bank & 1;
    let ruleset = RULESETS.get(bank)?;
    let packet = match decode(frame) {
        Ok(packet) => packet?,
        Err(Malformed) => return Some(Look::Unparsed),
    };
    let candidates = first_look(ruleset, &packet, way);
    if candidates.is_empty() {
        if packet.later_fragment {
            observe(Observation::FragmentPassed);
        }
        return None;
    }
    park(frame, packet, candidates, way, bank).map(|()| Look::Parked)
}

/// No rule decides. A BPF function answers with one number.
const NO_RULE: usize = MAX_RULES;
/// A rule that is narrowed may.
const ASK_THE_NARROWED: usize = MAX_RULES + 1;

/// The rank of the rule that decides, or one of the two numbers above. A function of its own for the stack's sake.
#[inline(never)]
fn rank(ruleset: &Ruleset, parked: &Parked, place: Place, now_ns: u64) -> usize {
    let lookups = Lookups { parked, place };
    match judge(ruleset, &parked.candidates, &parked.packet, place.seat(), now_ns, &lookups) {
        Verdict::None => NO_RULE,
        Verdict::Rule(rank) => rank,
        Verdict::Narrowed => ASK_THE_NARROWED,
    }
}

/// The same where narrowed rules match.
#[inline(never)]
fn narrowed_rank(ruleset: &Ruleset, parked: &Parked, place: Place, now_ns: u64) -> usize {
    let lookups = Lookups { parked, place };
    let rank = first_that_hits(ruleset, &parked.candidates, &parked.packet, place.seat(), now_ns, &lookups);
    rank.unwrap_or(NO_RULE)
}

/// The look-ups that a rule may need.
struct Lookups<'a> {
    parked: &'a Parked,
    place: Place,
}

impl Surroundings for Lookups<'_> {
    #[inline(always)]
    fn peer_rules(&self) -> RuleMask {
        let key = Key::new(
            PEER_KEY_BANK_BITS + 128,
            PeerKey { bank: self.parked.bank, address: *self.parked.peer() },
        );
        PEERS.get(&key).copied().unwrap_or(RuleMask::EMPTY)
    }

    #[inline(always)]
    fn interface_rules(&self) -> RuleMask {
        let key = InterfaceKey { bank: self.parked.bank, ifindex: self.place.ifindex };
        // SAFETY: user space fills a bank before packets see it and leaves it alone while they do.
        unsafe { INTERFACES.get(&key) }.copied().unwrap_or(RuleMask::EMPTY)
    }

    #[inline(always)]
    fn hits(&self, rank: usize, now_ns: u64) -> bool {
        narrowed_rule_hits(rank, now_ns)
    }
}

/// Counts a hit and, while somebody listens, tells of it. A function of its own for the stack's sake.
#[inline(never)]
fn record<F: Frame>(frame: &F, parked: &Parked, entry: Entry, tick_ns: u64, recording: bool) {
    let bytes = frame.length();
    let mut now_ns = tick_ns;
    if let Some(counter) = COUNTERS.get_ptr_mut(entry.counter) {
        // SAFETY: the map's element of this processor, which no other program of ours runs on meanwhile.
        let counter = unsafe { &mut *counter };
        counter.packets += 1;
        counter.bytes += bytes as u64;
        // What people read closely is exact: the first hit, and hits that are told.
        if recording || counter.first_ns == 0 {
            now_ns = clock::now_ns();
        }
        if counter.first_ns == 0 {
            counter.first_ns = now_ns;
        }
        // The tick that the first hit fell into began before it.
        counter.last_ns = max(now_ns, counter.first_ns);
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
        way: parked.way as u8,
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
