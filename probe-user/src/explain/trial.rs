//! Asking the loaded programs about a packet, where nobody else sees it.
//!
//! A thread enters a network namespace and a mount namespace of its own, with a bpffs of its own, and applies the node's
//! rules there, as `netsplit apply` would. All of it ends with the thread, whatever ends it: no other netsplit ever sees
//! these programs, and no packet does.

use std::{collections::BTreeSet, io, thread, time::Duration};

use probe_ebpf::abi::Way;
use rtnetlink::LinkVeth;
use rustix::{
    mount::{MountFlags, MountPropagationFlags, mount, mount_change},
    thread::{UnshareFlags, unshare_unsafe},
};

use super::{Decision, Outcome, Stage, stage::over_loopback};
use crate::{
    backend::{
        Choice, InterfaceError, bring_up,
        datapath::{Answer, Datapath, DatapathError, TcFlavour},
        interfaces, link,
    },
    cluster::Target,
    cut::{self, CutError, CutStatus, Guard, Request},
    packet::Packet,
    policy::{NodePlan, Plan},
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
    #[error("the program `{program}` answered with {verdict}, which is no verdict of ours")]
    Verdict {
        /// Its name.
        program: &'static str,
        /// What it said.
        verdict: u32,
    },
}

/// Long enough for one question.
const LEASE: Duration = Duration::from_mins(1);

/// What an interface is called that no rule names.
const WIRE: &str = "wire";

/// Asks what becomes of a packet at one place.
pub fn ask(stage: &Stage<'_>, packet: &Packet, choice: Choice) -> Result<Decision, TrialError> {
    let question = || {
        enter().map_err(TrialError::Namespaces)?;
        let interface = interface(stage.node, packet);
        make_interfaces(stage.node, &interface)?;
        let plan = Plan {
            description: "a question of netsplit explain".to_owned(),
            nodes: vec![NodePlan { target: Target::Local, ..stage.node.clone() }],
        };
        let request =
            Request { plan, lease: LEASE, choice, flavour: TcFlavour::Auto, cut_own_session: true };
        let guard = Guard::new(cut::apply(&request)?);
        let decision = decide(stage, packet, interface)?;
        guard.revert()?;
        Ok(decision)
    };
    let answered = thread::scope(|scope| scope.spawn(question).join());
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

/// Where the packet is met: as it says, or where rules that name interfaces hold.
fn interface(node: &NodePlan, packet: &Packet) -> String {
    if over_loopback(packet) {
        return "lo".to_owned();
    }
    let mut named = node.rules.iter().flat_map(|rule| &rule.interfaces).filter(|name| *name != "lo");
    packet.interface.clone().or_else(|| named.next().cloned()).unwrap_or_else(|| WIRE.to_owned())
}

/// `lo`, every interface that a rule names, and the one in question: each a cable whose other end lies here, too.
fn make_interfaces(node: &NodePlan, asked: &str) -> Result<(), InterfaceError> {
    let mut names: BTreeSet<&str> =
        node.rules.iter().flat_map(|rule| &rule.interfaces).map(String::as_str).collect();
    names.extend([asked, WIRE]);
    names.remove("lo");
    bring_up("lo")?;
    for (number, name) in names.into_iter().enumerate() {
        let far_end = format!("far-end-{number}");
        link(LinkVeth::new(name, &far_end).build())?;
        bring_up(name)?;
        bring_up(&far_end)?;
    }
    Ok(())
}

/// Shows the packet to each program that sits in its way, until one does not let it go on.
fn decide(stage: &Stage<'_>, packet: &Packet, interface: String) -> Result<Decision, TrialError> {
    let ifindex = interfaces(None)?.into_iter().find(|found| found.name == interface).map(|found| found.index);
    let missing = || DatapathError::Missing("datapath");
    let datapath = Datapath::of_this_namespace()?.ok_or_else(missing)?;
    let frame = packet.frame().bytes();
    let mut decision = Decision {
        node: stage.node.node.clone(),
        way: if stage.way == Way::Ingress { "in" } else { "out" },
        interface,
        outcome: Outcome::Passes,
        hook: None,
        origin: None,
        rule: None,
    };
    let programs: &[(&'static str, &'static str)] = match stage.way {
        Way::Ingress => &[("xdp", "ingress_xdp"), ("tc ingress", "ingress_tc")],
        Way::Egress => &[("tc egress", "egress_tc")],
    };
    for &(hook, program) in programs {
        let before = in_force()?;
        let sits = |hook_status: &cut::HookStatus| {
            hook_status.interface == decision.interface && hook_status.hook == hook
        };
        if !before.iter().flat_map(|cut| &cut.hooks).any(sits) {
            continue;
        }
        let answer = datapath.program(program)?.ask(&frame, ifindex)?;
        decision.outcome = outcome(program, &answer)?;
        if let Some(place) = hit(&before, &in_force()?) {
            let rule = &stage.node.rules[place];
            decision.hook = Some(hook);
            decision.origin = Some(rule.origin);
            decision.rule = Some(rule.to_string());
            break;
        }
    }
    Ok(decision)
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
fn outcome(program: &'static str, answer: &Answer) -> Result<Outcome, TrialError> {
    let answered = || {
        let packet = Packet::of_frame(&answer.frame).ok().flatten();
        Outcome::Answered { answer: packet.map_or_else(|| "something".to_owned(), |packet| packet.to_string()) }
    };
    Ok(match (program, answer.verdict) {
        // XDP_DROP, XDP_PASS, XDP_TX.
        ("ingress_xdp", 1) => Outcome::Dropped,
        ("ingress_xdp", 2) => Outcome::Passes,
        ("ingress_xdp", 3) => answered(),
        // TC_ACT_UNSPEC, TC_ACT_OK, TC_ACT_SHOT, TC_ACT_REDIRECT.
        ("ingress_tc" | "egress_tc", u32::MAX | 0) => Outcome::Passes,
        ("ingress_tc" | "egress_tc", 2) => Outcome::Dropped,
        ("ingress_tc" | "egress_tc", 7) => answered(),
        (program, verdict) => return Err(TrialError::Verdict { program, verdict }),
    })
}
