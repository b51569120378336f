//! Apply: all nodes or none.
//!
//! Every node is prepared first (programs attached, tables staged in the bank that packets do not see); only
//! when all are ready does one store a node put the cut in force. A failure on the way leaves each node as it
//! was.

use std::{collections::BTreeSet, fmt, time::Duration};

use jiff::Timestamp;
use probe_ebpf::abi::Hook;

use super::{CutError, CutId, CutStatus, privilege::check_privilege, status::node_status};
use crate::{
    backend::{
        Choice, Enforcement, Interface, RankedRule, choose, compile,
        datapath::{
            CutRecord, Datapath, DatapathError, Journal, Lock, RuleRecord, TcFlavour, Wanted,
            remove_root_if_empty,
        },
        interfaces,
    },
    clock::BootInstant,
    cluster::{Target, within},
    policy::{NodePlan, Plan, PlannedRule},
};

/// The lease of a cut that names none.
pub const DEFAULT_LEASE: Duration = Duration::from_mins(10);

/// What is asked of [`apply`].
#[derive(Clone, Debug)]
pub struct Request {
    /// Who is cut from whom.
    pub plan: Plan,
    /// How long the kernel enforces it at most.
    pub lease: Duration,
    /// Who enforces it.
    pub choice: Choice,
    /// Which flavour of TC.
    pub flavour: TcFlavour,
}

/// A cut in force.
#[derive(Clone, Debug)]
pub struct Cut {
    /// Its name.
    pub id: CutId,
    /// When the kernel stops enforcing it.
    pub deadline: BootInstant,
    /// Each node's part.
    pub nodes: Vec<CutStatus>,
}

/// How one rule of a plan would be enforced on one node.
#[derive(Clone, Debug)]
pub struct Scheme {
    /// The interfaces that it holds on.
    pub interfaces: Vec<String>,
    /// By what.
    pub enforcement: Enforcement,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hooks: Vec<_> =
            self.enforcement.attachments.iter().map(|(_, attachment)| attachment.to_string()).collect();
        hooks.sort_unstable();
        hooks.dedup();
        write!(f, "{} on {}", hooks.join(" and "), self.interfaces.join(", "))
    }
}

/// Puts a plan in force on all its nodes, or on none. Returns when packets are being judged by it.
pub fn apply(request: &Request) -> Result<Cut, CutError> {
    check_privilege()?;
    let mut seen = BTreeSet::new();
    if let Some(twice) = request.plan.nodes.iter().find(|node| !seen.insert(&node.target)) {
        return Err(CutError::TwiceTheSame(twice.target.clone()));
    }
    let lock = Lock::exclusive().map_err(CutError::at(&Target::Local))?;
    let order = Order {
        id: CutId::random(),
        description: &request.plan.description,
        deadline: BootInstant::now() + request.lease,
        choice: request.choice,
        flavour: request.flavour,
    };
    let mut prepared = Vec::new();
    for node in &request.plan.nodes {
        match within(&node.target, || prepare(&lock, node, &order)).map_err(CutError::from).flatten() {
            Ok(datapath) => prepared.push((node, datapath)),
            Err(error) => {
                abandon(prepared);
                remove_root_if_empty(&lock);
                return Err(error);
            }
        }
    }
    let committed = prepared
        .iter()
        .try_for_each(|(node, datapath)| datapath.commit(&lock).map_err(CutError::at(&node.target)));
    if let Err(error) = committed {
        drop(lock);
        // Some nodes may be cut already: all or nothing.
        let _ = super::revert(&order.id);
        return Err(error);
    }
    let nodes = prepared
        .iter()
        .map(|(node, datapath)| {
            let parts = node_status(datapath).map_err(CutError::at(&node.target))?;
            Ok(parts.into_iter().filter(|part| part.id == order.id))
        })
        .collect::<Result<Vec<_>, CutError>>()?;
    Ok(Cut { nodes: nodes.into_iter().flatten().collect(), deadline: order.deadline, id: order.id })
}

/// Says how each rule of a node's plan would be enforced, and touches nothing.
pub fn plan_enforcement(node: &NodePlan, choice: Choice) -> Result<Vec<Scheme>, CutError> {
    within(&node.target, || {
        let present = interfaces(ours()).map_err(|error| CutError::at(&node.target)(error.into()))?;
        node.rules.iter().map(|rule| scheme(&node.target, rule, &present, choice)).collect()
    })?
}

fn ours() -> Option<u32> {
    Datapath::of_this_namespace().ok().flatten()?.xdp_program_id().ok()
}

/// What all nodes of a cut share.
struct Order<'a> {
    id: CutId,
    description: &'a str,
    deadline: BootInstant,
    choice: Choice,
    flavour: TcFlavour,
}

/// Takes back what a failed apply made: datapaths that hold no cut. Staged banks were never seen.
fn abandon(prepared: Vec<(&NodePlan, Datapath)>) {
    for (node, datapath) in prepared {
        if datapath.is_fresh()
            && let Err(error) = datapath.remove()
        {
            tracing::warn!(target = %node.target, %error, "a prepared datapath stays; `netsplit revert --all` removes it");
        }
    }
}

/// Readies one node, inside its namespace. On failure the node is as it was.
fn prepare(lock: &Lock, node: &NodePlan, order: &Order<'_>) -> Result<Datapath, CutError> {
    let datapath = Datapath::open_or_load(lock).map_err(CutError::at(&node.target))?;
    match stage(lock, &datapath, node, order) {
        Ok(()) => Ok(datapath),
        Err(error) => {
            abandon(vec![(node, datapath)]);
            Err(error)
        }
    }
}

fn stage(lock: &Lock, datapath: &Datapath, node: &NodePlan, order: &Order<'_>) -> Result<(), CutError> {
    let at = CutError::at(&node.target);
    let ours = datapath.xdp_program_id().map_err(&at)?;
    let present = interfaces(Some(ours)).map_err(|error| at(error.into()))?;
    let mut journal = datapath.journal().map_err(&at)?;
    journal.forget_expired(BootInstant::now());

    let mut counters = journal.free_counters();
    let mut rules = Vec::with_capacity(node.rules.len());
    let mut attachments = BTreeSet::new();
    for rule in &node.rules {
        let Scheme { enforcement, .. } = scheme(&node.target, rule, &present, order.choice)?;
        attachments.extend(enforcement.attachments);
        rules.push(RuleRecord {
            rule: rule.clone(),
            xdp: enforcement.ingress == Hook::Xdp,
            counter: counters.next().ok_or_else(|| CutError::NoCounter(node.target.clone()))?,
            bound_to: named(rule, &present).map(|interface| interface.index).collect(),
        });
    }
    datapath.clear_counters(&rules.iter().map(|rule| rule.counter).collect::<Vec<_>>()).map_err(&at)?;
    journal.cuts.push(CutRecord {
        id: order.id.clone(),
        node: node.node.clone(),
        description: order.description.to_owned(),
        applied: Timestamp::now(),
        deadline: order.deadline,
        rules,
    });
    // Compiled before anything is attached: what does not fit leaves no trace.
    let tables = compile_journal(&node.target, &journal)?;
    let mut installed = datapath.name(&node.target).map_err(&at)?;
    for (ifindex, attachment) in attachments {
        let Some(interface) = present.iter().find(|interface| interface.index == ifindex) else { continue };
        let wanted = Wanted { interface, attachment, flavour: order.flavour };
        datapath.attach(&mut installed, &wanted).map_err(&at)?;
    }
    datapath.stage(lock, &tables, &journal).map_err(&at)
}

/// The tables of all cuts of a namespace, the earliest cut's rules first.
pub(super) fn compile_journal(
    target: &Target,
    journal: &Journal,
) -> Result<crate::backend::Tables, CutError> {
    let ranked: Vec<_> = journal
        .cuts
        .iter()
        .flat_map(|cut| {
            cut.rules.iter().map(|record| RankedRule {
                rule: &record.rule,
                deadline: cut.deadline,
                counter: record.counter,
                ingress: if record.xdp { Hook::Xdp } else { Hook::Tc },
                bound_to: record.bound_to.clone(),
            })
        })
        .collect();
    compile(&ranked).map_err(|source| CutError::Compile { target: target.clone(), source })
}

/// The interfaces that a rule names, among those present.
fn named<'a>(rule: &'a PlannedRule, present: &'a [Interface]) -> impl Iterator<Item = &'a Interface> {
    present.iter().filter(|interface| rule.interfaces.contains(&interface.name))
}

fn scheme(
    target: &Target,
    rule: &PlannedRule,
    present: &[Interface],
    choice: Choice,
) -> Result<Scheme, CutError> {
    use probe_ebpf::abi::LOOPBACK_IFINDEX;
    let number = rule.origin + 1;
    let exists = |name: &&String| !present.iter().any(|interface| interface.name == **name);
    if let Some(missing) = rule.interfaces.iter().find(exists) {
        return Err(CutError::NoSuchInterface {
            rule: number,
            interface: missing.clone(),
            target: target.clone(),
            present: present.iter().map(|interface| interface.name.clone()).collect(),
        });
    }
    let on: Vec<&Interface> = if rule.interfaces.is_empty() {
        present
            .iter()
            .filter(|interface| interface.up && (interface.index != LOOPBACK_IFINDEX || rule.loopback))
            .collect()
    } else {
        named(rule, present).collect()
    };
    if on.is_empty() {
        return Err(CutError::NoInterfaceUp { rule: number, target: target.clone() });
    }
    let enforcement = choose(choice, rule, &on)?;
    Ok(Scheme { interfaces: on.iter().map(|interface| interface.name.clone()).collect(), enforcement })
}

impl From<DatapathError> for CutError {
    fn from(source: DatapathError) -> Self {
        Self::Datapath { target: Target::Local, source }
    }
}
