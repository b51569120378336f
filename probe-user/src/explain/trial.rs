//! Asking the loaded programs about a packet, where nobody else sees it.
//!
//! A thread enters a network namespace and a mount namespace of its own, with a bpffs of its own, and applies the node's
//! rules there, as `netsplit apply` would. All of it ends with the thread, whatever ends it: no other netsplit ever sees
//! these programs, and no packet does.

use std::{collections::BTreeSet, io, thread, time::Duration};

use probe_ebpf::{abi::Way, decode::decode};
use rtnetlink::LinkVeth;
use rustix::{
    mount::{MountFlags, MountPropagationFlags, mount, mount_change},
    thread::{UnshareFlags, unshare_unsafe},
};

use super::{Decision, Outcome, matrix::Compiled, stage::over_loopback};
use crate::{
    backend::{
        Choice, Interface, InterfaceError, Met, bring_up,
        datapath::{Answer, Datapath, DatapathError, TcFlavour, program_names},
        interfaces, link,
    },
    cluster::Target,
    cut::{self, CutError, CutStatus, Guard, Request},
    packet::Packet,
    policy::{Action, NodePlan, Plan, PlannedRule},
};

/// Why the programs could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// No namespaces.
    #[error("no namespaces can be made to ask the programs in; netsplit needs root (CAP_SYS_ADMIN) for it")]
    Namespaces(#[source] io::Error),
    /// No interfaces in it.
    #[error("the interfaces to ask the programs at cannot be made")]
    Interfaces(#[from] InterfaceError),
    /// The rules could not be applied.
    #[error(transparent)]
    Cut(#[from] CutError),
    /// A program could not be asked.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
    /// The answer makes no sense.
    #[error("the program at {hook} answered with {verdict}, which is no verdict of ours")]
    Verdict {
        /// Where it sits.
        hook: &'static str,
        /// What it said.
        verdict: u32,
    },
}

/// Long enough for one question.
const LEASE: Duration = Duration::from_mins(1);

/// What an interface is called that no rule names.
const WIRE: &str = "wire";

/// Asks what becomes of packets at one node, each going the way that is said.
pub fn ask(
    node: &NodePlan,
    questions: &[(Way, &Packet)],
    choice: Choice,
) -> Result<Vec<Decision>, TrialError> {
    let answers = || {
        enter().map_err(TrialError::Namespaces)?;
        let interfaces = make_interfaces(node, questions)?;
        let plan = Plan {
            description: "a question of netsplit explain".to_owned(),
            nodes: vec![NodePlan { target: Target::Local, ..node.clone() }],
        };
        let request = Request {
            plan,
            lease: LEASE,
            choice,
            flavour: TcFlavour::Auto,
            cut_own_session: true,
            protect: Vec::new(),
            edges: Vec::new(),
        };
        let guard = Guard::new(cut::apply(&request)?);
        let missing = || DatapathError::Missing("datapath");
        let datapath = Datapath::of_this_namespace()?.ok_or_else(missing)?;
        let bench = Bench { node, datapath, interfaces };
        let decisions = questions.iter().map(|(way, packet)| bench.decide(*way, packet));
        let decisions = decisions.collect::<Result<_, _>>()?;
        guard.revert()?;
        Ok(decisions)
    };
    let answered = thread::scope(|scope| scope.spawn(answers).join());
    answered.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Leaves the namespaces that others see.
fn enter() -> io::Result<()> {
    // SAFETY: only this thread's namespaces change, and its file system view is no longer shared; nothing else of the
    // process depends on either.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET | UnshareFlags::NEWNS) }?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount("bpf", "/sys/fs/bpf", "bpf", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None)?;
    Ok(())
}

/// The interface that a packet is met on: as it says, or where rules that name interfaces hold; `None` for any other.
fn met_on(node: &NodePlan, packet: &Packet) -> Option<String> {
    if over_loopback(packet) {
        return Some("lo".to_owned());
    }
    let mut named = node.rules.iter().flat_map(|rule| &rule.interfaces).filter(|name| *name != "lo");
    packet.interface.clone().or_else(|| named.next().cloned())
}

/// `lo`, every interface that a rule or a packet names, and one more: each a cable whose other end lies here, too.
fn make_interfaces(node: &NodePlan, questions: &[(Way, &Packet)]) -> Result<Vec<Interface>, InterfaceError> {
    let named = node.rules.iter().flat_map(|rule| rule.interfaces.iter().cloned());
    let asked = questions.iter().filter_map(|(_, packet)| met_on(node, packet));
    let mut cables: BTreeSet<String> = named.chain(asked).chain([WIRE.to_owned()]).collect();
    cables.remove("lo");
    bring_up("lo")?;
    for (number, name) in cables.into_iter().enumerate() {
        let far_end = format!("far-end-{number}");
        link(LinkVeth::new(&name, &far_end).build())?;
        bring_up(&name)?;
        bring_up(&far_end)?;
    }
    interfaces(None)
}

/// The programs with a node's rules, ready to be asked.
struct Bench<'n> {
    node: &'n NodePlan,
    datapath: Datapath,
    interfaces: Vec<Interface>,
}

impl Bench<'_> {
    /// Shows the packet to each program that sits in its way, until a rule decides.
    fn decide(&self, way: Way, packet: &Packet) -> Result<Decision, TrialError> {
        let interface = met_on(self.node, packet);
        let name = interface.as_deref().unwrap_or(WIRE);
        let ifindex = self.interfaces.iter().find(|found| found.name == name).map(|found| found.index);
        let frame = packet.frame().bytes();
        let mut decision = Decision {
            node: self.node.node.clone(),
            way: if way == Way::Ingress { "in" } else { "out" },
            interface: interface.clone(),
            outcome: Outcome::Passes,
            hook: None,
            origin: None,
            rule: None,
            spared_by: None,
        };
        let [xdp, arriving, leaving] = program_names();
        let programs = match way {
            Way::Ingress => vec![("xdp", xdp), ("tc ingress", arriving)],
            Way::Egress => vec![("tc egress", leaving)],
        };
        for (hook, program) in programs {
            let before = in_force()?;
            let mut hooks = before.iter().flat_map(|cut| &cut.hooks);
            if !hooks.any(|sits| sits.interface == name && sits.hook == hook) {
                continue;
            }
            let answer = self.datapath.program(program)?.ask(&frame, ifindex)?;
            decision.outcome = outcome(hook, &answer)?;
            if let Some(place) = hit(&before, &in_force()?) {
                let rule = &self.node.rules[place];
                if rule.action == Action::Delay {
                    // Redirected, to whoever holds it.
                    decision.outcome = Outcome::Passes;
                }
                decision.hook = Some(hook);
                decision.origin = Some(rule.origin);
                decision.rule = Some(rule.to_string());
                break;
            }
        }
        if decision.rule.is_none() {
            decision.spared_by = self.spared_by(&frame, way, packet);
        }
        Ok(decision)
    }

    /// The rule that would have hit it, had it been one of those that it hits.
    fn spared_by(&self, frame: &[u8], way: Way, packet: &Packet) -> Option<String> {
        let decoded = decode(frame).ok()??;
        let peer = if way == Way::Ingress { packet.source } else { packet.destination };
        let met = Met { way, peer, loopback: over_loopback(packet), narrowed_hit: true };
        let named = met_on(self.node, packet);
        let here = |rule: &&PlannedRule| {
            rule.interfaces.is_empty() || named.as_ref().is_some_and(|name| rule.interfaces.contains(name))
        };
        let rules: Vec<PlannedRule> = self.node.rules.iter().filter(here).cloned().collect();
        let compiled = Compiled::new(&rules).ok()?;
        compiled.rule(&decoded, &met).map(ToString::to_string)
    }
}

/// The rules as they stand, with their counters.
fn in_force() -> Result<Vec<CutStatus>, TrialError> {
    Ok(cut::status()?)
}

/// The place of the rule that has been hit meanwhile.
fn hit(before: &[CutStatus], after: &[CutStatus]) -> Option<usize> {
    let packets = |cuts: &[CutStatus]| -> Vec<u64> {
        cuts.iter().flat_map(|cut| &cut.rules).map(|rule| rule.packets).collect()
    };
    packets(before).iter().zip(packets(after)).position(|(before, after)| *before < after)
}

/// What a verdict means (`linux/bpf.h`, `linux/pkt_cls.h`).
fn outcome(hook: &'static str, answer: &Answer) -> Result<Outcome, TrialError> {
    let answered = || {
        let packet = Packet::of_frame(&answer.frame).ok().flatten();
        Outcome::Answered {
            answer: packet.map_or_else(|| "something".to_owned(), |packet| packet.to_string()),
        }
    };
    Ok(match (hook, answer.verdict) {
        // XDP_DROP; TC_ACT_SHOT.
        ("xdp", 1) | ("tc ingress" | "tc egress", 2) => Outcome::Dropped,
        // XDP_PASS; TC_ACT_UNSPEC, TC_ACT_OK.
        ("xdp", 2) | ("tc ingress" | "tc egress", u32::MAX | 0) => Outcome::Passes,
        // XDP_TX; TC_ACT_REDIRECT.
        ("xdp", 3) | ("tc ingress" | "tc egress", 7) => answered(),
        (hook, verdict) => return Err(TrialError::Verdict { hook, verdict }),
    })
}
