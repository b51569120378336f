//! From ranked rules to the tables that the kernel reads. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use ipnet::{IpNet, Ipv6Net};
use probe_ebpf::abi::{
    self, Carries, Entry, Hook, MAX_CLASSES, MAX_DEADLINES, MAX_NARROWED, MAX_PEERS, MAX_RULES, NEVER_NS,
    RuleMask, Ruleset, Sieve, Way, situation,
};

use crate::{
    clock::BootInstant,
    policy::{Action, Direction, Flows, PlannedRule, PortRange, Protocol},
};

/// A rule in its place among all rules of a namespace.
#[derive(Clone, Debug)]
pub struct RankedRule<'a> {
    /// What it says.
    pub rule: &'a PlannedRule,
    /// When its cut came into force.
    pub since: BootInstant,
    /// When its cut ends.
    pub deadline: BootInstant,
    /// Its place among the counters.
    pub counter: u32,
    /// Who enforces it on arriving packets; departures are always TC's.
    pub ingress: Hook,
    /// The interfaces that it is bound to; empty if it names none.
    pub bound_to: Vec<u32>,
}

/// What a bank of the datapath is filled with.
pub struct Tables {
    /// The fixed part.
    pub ruleset: Box<Ruleset>,
    /// Prefixes over IPv6, IPv4 mapped, with the peer-bound rules that each matches.
    pub peers: BTreeMap<Ipv6Net, RuleMask>,
    /// Interface indexes with the interface-bound rules that each matches.
    pub interfaces: BTreeMap<u32, RuleMask>,
}

/// Why rules do not fit into the tables.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// Too many rules.
    #[error(
        "the namespace would hold {0} rules, and its tables have room for {MAX_RULES} (a rule of direction \
         `both` takes two); merge rules, or revert a cut first"
    )]
    TooManyRules(usize),
    /// Too many narrowed rules.
    #[error(
        "the namespace would hold {0} rules that are narrowed (by `probability`, `flap` and the like; one of \
         direction `both` counts twice), and {MAX_NARROWED} can be; revert a cut first"
    )]
    TooManyNarrowed(usize),
    /// Too many cuts.
    #[error("the namespace would hold cuts with {0} different deadlines, more than fit; revert a cut first")]
    TooManyDeadlines(usize),
    /// Too many different ports.
    #[error(
        "the rules' ports fall into {0} different sets, and the tables have room for {MAX_CLASSES}; use port \
         ranges, or revert a cut first"
    )]
    TooManyPorts(usize),
    /// Too many peers.
    #[error(
        "the rules name {0} peer prefixes, and the tables have room for {limit}; use shorter prefixes",
        limit = MAX_PEERS / 2
    )]
    TooManyPeers(usize),
}

/// One entry of the ruleset: a rule in one direction.
struct Entrant<'a> {
    ranked: &'a RankedRule<'a>,
    way: Way,
}

/// Compiles rules, the first one deciding first.
pub fn compile(rules: &[RankedRule<'_>]) -> Result<Tables, CompileError> {
    let entrants: Vec<_> = rules
        .iter()
        .flat_map(|ranked| ways(ranked.rule.direction).iter().map(move |&way| Entrant { ranked, way }))
        .collect();
    if entrants.len() > MAX_RULES {
        return Err(CompileError::TooManyRules(entrants.len()));
    }
    let mut ruleset = Box::new(Ruleset::EMPTY);
    let mut interfaces = BTreeMap::<u32, RuleMask>::new();
    for (rank, Entrant { ranked, way }) in entrants.iter().enumerate() {
        let rule = ranked.rule;
        ruleset.entries[rank] = Entry {
            counter: ranked.counter,
            action: action(rule.action) as u8,
            hook: match way {
                Way::Ingress => ranked.ingress as u8,
                Way::Egress => Hook::Tc as u8,
            },
            reserved: 0,
        };
        if rule.ports.is_empty() && rule.peer_ports.is_empty() {
            ruleset.portless.insert(rank);
        }
        for &carries in payloads(rule.protocol, rule.flows) {
            ruleset.situations[situation(*way, carries)].insert(rank);
        }
        let names_lo = ranked.bound_to.contains(&abi::LOOPBACK_IFINDEX);
        if rule.loopback || names_lo {
            ruleset.loopback.insert(rank);
        }
        ruleset.wire.insert(rank);
        if rule.peers.is_empty() {
            ruleset.any_peer.insert(rank);
        }
        if ranked.bound_to.is_empty() {
            ruleset.any_interface.insert(rank);
        }
        if !rule.narrowing.is_open() {
            ruleset.narrowed.insert(rank);
            ruleset.sieves[rank] = Sieve { since_ns: ranked.since.ns, ..rule.narrowing.sieve() };
            if *way == Way::Ingress && ranked.ingress == Hook::Xdp {
                ruleset.narrowed_by_xdp.insert(rank);
            }
        }
        for &ifindex in &ranked.bound_to {
            interfaces.entry(ifindex).or_default().insert(rank);
        }
    }
    let narrowed = entrants.iter().filter(|entrant| !entrant.ranked.rule.narrowing.is_open()).count();
    if narrowed > MAX_NARROWED {
        return Err(CompileError::TooManyNarrowed(narrowed));
    }
    set_deadlines(&entrants, &mut ruleset)?;
    let own = entrants.iter().map(|entrant| entrant.ranked.rule.ports.as_slice());
    classify(own, &mut ruleset.own_class, &mut ruleset.own_ports)?;
    let peer = entrants.iter().map(|entrant| entrant.ranked.rule.peer_ports.as_slice());
    classify(peer, &mut ruleset.peer_class, &mut ruleset.peer_ports)?;
    let peers = peers(entrants.iter().map(|entrant| entrant.ranked.rule.peers.as_slice()))?;
    Ok(Tables { ruleset, peers, interfaces })
}

fn ways(direction: Direction) -> &'static [Way] {
    match direction {
        Direction::In => &[Way::Ingress],
        Direction::Out => &[Way::Egress],
        Direction::Both => &[Way::Ingress, Way::Egress],
    }
}

fn payloads(protocol: Protocol, flows: Flows) -> &'static [Carries] {
    use Carries::{Other, TcpEstablished, TcpFragment, TcpNew, Udp};
    match (protocol, flows) {
        (Protocol::Any, Flows::All) => &[TcpNew, TcpEstablished, TcpFragment, Udp, Other],
        (Protocol::Udp, _) => &[Udp],
        (_, Flows::New) => &[TcpNew],
        (_, Flows::Established) => &[TcpEstablished],
        (Protocol::Tcp, Flows::All) => &[TcpNew, TcpEstablished, TcpFragment],
    }
}

pub(crate) fn action(action: Action) -> abi::Action {
    match action {
        Action::Drop => abi::Action::Drop,
        Action::Reject => abi::Action::Reject,
        Action::Reset => abi::Action::Reset,
        Action::Delay => abi::Action::Delay,
        Action::Duplicate => abi::Action::Duplicate,
        Action::Corrupt => abi::Action::Corrupt,
    }
}

fn set_deadlines(entrants: &[Entrant<'_>], ruleset: &mut Ruleset) -> Result<(), CompileError> {
    let of = |entrant: &Entrant<'_>| entrant.ranked.deadline.ns.min(NEVER_NS - 1);
    let mut deadlines: Vec<u64> = entrants.iter().map(of).collect();
    deadlines.sort_unstable();
    deadlines.dedup();
    if deadlines.len() >= MAX_DEADLINES {
        return Err(CompileError::TooManyDeadlines(deadlines.len()));
    }
    ruleset.first_deadline_ns = deadlines.first().copied().unwrap_or(NEVER_NS);
    ruleset.deadlines_ns[..deadlines.len()].copy_from_slice(&deadlines);
    for (passed, live) in ruleset.live.iter_mut().take(deadlines.len()).enumerate() {
        for (rank, entrant) in entrants.iter().enumerate() {
            if of(entrant) >= deadlines[passed] {
                live.insert(rank);
            }
        }
    }
    Ok(())
}

/// Sorts the ports into classes: ports that the same rules name share one.
fn classify<'a>(
    rules: impl Iterator<Item = &'a [PortRange]>,
    class_of: &mut [u16; 65536],
    masks: &mut [RuleMask; MAX_CLASSES],
) -> Result<(), CompileError> {
    let mut everywhere = RuleMask::EMPTY;
    let mut named = Vec::new();
    for (rank, ranges) in rules.enumerate() {
        if ranges.is_empty() {
            everywhere.insert(rank);
        } else {
            named.push((rank, ranges));
        }
    }
    masks[0] = everywhere;
    let mut boundaries: Vec<u32> = named
        .iter()
        .flat_map(|(_, ranges)| ranges.iter())
        .flat_map(|range| [u32::from(range.first), u32::from(range.last) + 1])
        .chain([0, 65536])
        .collect();
    boundaries.sort_unstable();
    boundaries.dedup();
    let mut classes = HashMap::from([(mask_key(&everywhere), 0_u16)]);
    for pair in boundaries.windows(2) {
        let (first, end) = (pair[0], pair[1]);
        let mut mask = everywhere;
        for (rank, ranges) in &named {
            if ranges.iter().any(|range| u32::from(range.first) <= first && first <= u32::from(range.last)) {
                mask.insert(*rank);
            }
        }
        let next = classes.len();
        let class =
            *classes.entry(mask_key(&mask)).or_insert_with(|| u16::try_from(next).unwrap_or(u16::MAX));
        if let Some(slot) = masks.get_mut(usize::from(class)) {
            *slot = mask;
            class_of[first as usize..end as usize].fill(class);
        }
    }
    if classes.len() > MAX_CLASSES {
        return Err(CompileError::TooManyPorts(classes.len()));
    }
    Ok(())
}

/// A mask as something that can be hashed.
fn mask_key(mask: &RuleMask) -> Vec<usize> {
    let mut rest = *mask;
    std::iter::from_fn(move || rest.pop()).collect()
}

/// Gives each prefix the rules that it or a wider one names, so that the longest match alone tells them all.
fn peers<'a>(rules: impl Iterator<Item = &'a [IpNet]>) -> Result<BTreeMap<Ipv6Net, RuleMask>, CompileError> {
    let mut v4 = BTreeMap::<Ipv6Net, RuleMask>::new();
    let mut v6 = BTreeMap::<Ipv6Net, RuleMask>::new();
    for (rank, prefixes) in rules.enumerate() {
        for prefix in prefixes {
            let (family, prefix) = match prefix {
                IpNet::V4(_) => (&mut v4, mapped(prefix)),
                IpNet::V6(prefix) => (&mut v6, prefix.trunc()),
            };
            family.entry(prefix).or_default().insert(rank);
        }
    }
    inherit(&mut v4);
    inherit(&mut v6);
    // A wide IPv6 prefix covers the mapped IPv4 addresses in the trie, though not in meaning.
    if !v6.is_empty() {
        let all_v4 = mapped(&IpNet::V4(ipnet::Ipv4Net::default()));
        v4.entry(all_v4).or_default();
    }
    v6.append(&mut v4);
    if v6.len() > MAX_PEERS as usize / 2 {
        return Err(CompileError::TooManyPeers(v6.len()));
    }
    Ok(v6)
}

/// An IPv4 prefix mapped into IPv6 (RFC 4291 2.5.5.2); an IPv6 prefix as it is.
pub(super) fn mapped(prefix: &IpNet) -> Ipv6Net {
    let (address, length) = match prefix.network() {
        IpAddr::V4(address) => (address.to_ipv6_mapped(), 96 + prefix.prefix_len()),
        IpAddr::V6(address) => (address, prefix.prefix_len()),
    };
    Ipv6Net::new_assert(address, length)
}

/// Adds to each prefix the rules of the prefixes that contain it.
fn inherit(family: &mut BTreeMap<Ipv6Net, RuleMask>) {
    // In the map's order a prefix stands behind all that contain it: by address, then the shorter first.
    let mut containing: Vec<(Ipv6Net, RuleMask)> = Vec::new();
    for (prefix, mask) in family.iter_mut() {
        while containing.last().is_some_and(|(wider, _)| !wider.contains(prefix)) {
            containing.pop();
        }
        if let Some((_, inherited)) = containing.last() {
            *mask = mask.or(inherited);
        }
        containing.push((*prefix, *mask));
    }
}

#[cfg(test)]
mod tests;
