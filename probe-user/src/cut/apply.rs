//! Apply: all nodes or none.
//!
//! Every node is prepared first (programs attached, tables staged in the bank that packets do not see); only
//! when all are ready does one store a node put the cut in force. A failure on the way leaves each node as it
//! was.

use std::{collections::BTreeSet, fmt, time::Duration};

use jiff::Timestamp;
use probe_ebpf::abi::Hook;

use super::{CutError, CutId, CutStatus, privilege::check_privilege, protect, session, status::node_status};
use crate::{
    backend::{
        Choice, Enforcement, Interface, RankedRule, abi_action, choose, compile,
        datapath::{
            CutRecord, Datapath, Journal, Lock, RuleRecord, Task, TcFlavour, Wanted, remove_root_if_empty,
        },
        interfaces,
    },
    clock::BootInstant,
    cluster::{Protected, Target, within},
    policy::{Direction, NodePlan, Plan, PlannedRule},
    proof::PlannedEdge,
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
    /// Whether it may end the SSH session that this process was started from.
    pub cut_own_session: bool,
    /// Addresses that it must not touch.
    pub protect: Vec<Protected>,
    /// What it takes from whom, kept with the cut for whoever proves it.
    pub edges: Vec<PlannedEdge>,
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
    session::check(&request.plan, request.cut_own_session)?;
    protect::check(&request.plan, &request.protect)?;
    let mut request = request.clone();
    request.plan.settle_seeds(random_seed);
    let request = &request;
    let mut seen = BTreeSet::new();
    if let Some(twice) = request.plan.nodes.iter().find(|node| !seen.insert(&node.target)) {
        return Err(CutError::TwiceTheSame(twice.target.clone()));
    }
    let lock = Lock::exclusive().map_err(CutError::at(&Target::Local))?;
    let id = CutId::random();
    let mut ready = Vec::new();
    for node in &request.plan.nodes {
        match within(&node.target, || prepare(&lock, node, request)).map_err(CutError::from).flatten() {
            Ok(prepared) => ready.push(prepared),
            Err(error) => {
                abandon(ready.into_iter().map(|prepared| prepared.datapath));
                remove_root_if_empty(&lock);
                return Err(error);
            }
        }
    }
    // Only now: what came before may take long, and a lease is time in force.
    let since = BootInstant::now();
    let staged = ready.iter_mut().try_for_each(|prepared| prepared.stage(&lock, request, &id, since));
    if let Err(error) = staged {
        abandon(ready.into_iter().map(|prepared| prepared.datapath));
        remove_root_if_empty(&lock);
        return Err(error);
    }
    let committed = ready.iter().try_for_each(|prepared| {
        prepared.datapath.commit(&lock).map_err(CutError::at(&prepared.node.target))
    });
    if let Err(error) = committed {
        drop(lock);
        // Some nodes may be cut already: all or nothing.
        let _ = super::revert(&id);
        return Err(error);
    }
    let mut nodes = Vec::new();
    for prepared in &ready {
        let parts = node_status(&prepared.datapath).map_err(CutError::at(&prepared.node.target))?;
        nodes.extend(parts.into_iter().filter(|part| part.id == id));
    }
    Ok(Cut { id, deadline: since + request.lease, nodes })
}

/// A seed for chance: small enough to be typed again.
fn random_seed() -> u64 {
    let mut bytes = [0_u8; 4];
    // The kernel's pool answers always once the machine is up; should it not, the clock will do.
    match rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty()) {
        Ok(_) => u32::from_ne_bytes(bytes).into(),
        Err(_) => BootInstant::now().ns & u64::from(u32::MAX),
    }
}

/// Says how each rule of a node's plan would be enforced, and touches nothing.
pub fn plan_enforcement(node: &NodePlan, choice: Choice) -> Result<Vec<Scheme>, CutError> {
    within(&node.target, || {
        let present = interfaces(ours()).map_err(|error| CutError::at(&node.target)(error.into()))?;
        node.rules.iter().map(|rule| scheme(&node.target, rule, &present, choice)).collect()
    })?
}

fn ours() -> Option<u32> {
    Datapath::of_this_namespace().ok().flatten()?.xdp_program_id().ok()?
}

/// A node whose programs are attached, and whose rules are ready to be staged.
struct Prepared<'a> {
    node: &'a NodePlan,
    datapath: Datapath,
    journal: Journal,
    rules: Vec<RuleRecord>,
}

/// Takes back what a failed apply made: datapaths that hold no cut. Staged banks were never seen.
fn abandon(datapaths: impl Iterator<Item = Datapath>) {
    for datapath in datapaths.filter(Datapath::is_fresh) {
        if let Err(error) = datapath.remove() {
            tracing::warn!(%error, "a prepared datapath stays; `netsplit revert --all` removes it");
        }
    }
}

/// Readies one node, inside its namespace. On failure the node is as it was.
fn prepare<'a>(lock: &Lock, node: &'a NodePlan, request: &Request) -> Result<Prepared<'a>, CutError> {
    let datapath = Datapath::open_or_load(lock).map_err(CutError::at(&node.target))?;
    match attach(&datapath, node, request) {
        Ok((journal, rules)) => Ok(Prepared { node, datapath, journal, rules }),
        Err(error) => {
            abandon(std::iter::once(datapath));
            Err(error)
        }
    }
}

/// Attaches what the node's rules need, and says what the journal has to hold.
fn attach(
    datapath: &Datapath,
    node: &NodePlan,
    request: &Request,
) -> Result<(Journal, Vec<RuleRecord>), CutError> {
    let at = CutError::at(&node.target);
    let ours = datapath.xdp_program_id().map_err(&at)?;
    let present = interfaces(ours).map_err(|error| at(error.into()))?;
    let mut journal = datapath.journal().map_err(&at)?;
    journal.forget_expired(BootInstant::now());

    let mut counters = journal.free_counters();
    let mut rules = Vec::with_capacity(node.rules.len());
    let mut attachments = BTreeSet::new();
    for rule in &node.rules {
        let Scheme { enforcement, .. } = scheme(&node.target, rule, &present, request.choice)?;
        attachments.extend(enforcement.attachments);
        rules.push(RuleRecord {
            rule: rule.clone(),
            xdp: enforcement.ingress == Hook::Xdp,
            counter: counters.next().ok_or_else(|| CutError::NoCounter(node.target.clone()))?,
            bound_to: named(rule, &present).map(|interface| interface.index).collect(),
        });
    }
    datapath.ready(&rules.iter().flat_map(tasks).collect::<Vec<_>>()).map_err(&at)?;
    let mut installed = datapath.name(&node.target).map_err(&at)?;
    for (ifindex, attachment) in attachments {
        let Some(interface) = present.iter().find(|interface| interface.index == ifindex) else { continue };
        let wanted = Wanted { interface, attachment, flavour: request.flavour };
        datapath.attach(&mut installed, &wanted).map_err(&at)?;
    }
    Ok((journal, rules))
}

/// What a rule wants done at which hooks.
fn tasks(record: &RuleRecord) -> Vec<Task> {
    let direction = record.rule.direction;
    let arrives = (direction != Direction::Out).then_some(if record.xdp { Hook::Xdp } else { Hook::Tc });
    let leaves = (direction != Direction::In).then_some(Hook::Tc);
    let hooks = || arrives.into_iter().chain(leaves);
    let acts = hooks().map(|hook| Task::Act(hook, abi_action(record.rule.action)));
    let narrows = hooks().filter(|_| !record.rule.narrowing.is_open()).map(Task::Narrow);
    acts.chain(narrows).collect()
}

impl Prepared<'_> {
    /// Writes the bank that packets do not see yet.
    fn stage(
        &mut self,
        lock: &Lock,
        request: &Request,
        id: &CutId,
        since: BootInstant,
    ) -> Result<(), CutError> {
        let at = CutError::at(&self.node.target);
        let counters: Vec<_> = self.rules.iter().map(|rule| rule.counter).collect();
        self.datapath.clear_counters(&counters).map_err(&at)?;
        self.journal.cuts.push(CutRecord {
            id: id.clone(),
            node: self.node.node.clone(),
            description: request.plan.description.clone(),
            applied: Timestamp::now(),
            since,
            deadline: since + request.lease,
            rules: std::mem::take(&mut self.rules),
            edges: request.edges.iter().filter(|edge| edge.node == self.node.node).cloned().collect(),
            probes: Vec::new(),
        });
        let tables = compile_journal(&self.node.target, &self.journal)?;
        self.datapath.stage(lock, &tables, &self.journal).map_err(&at)
    }
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
                since: cut.since,
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
    let missing = |name: &&String| !present.iter().any(|interface| interface.name == **name);
    if let Some(interface) = rule.interfaces.iter().find(missing) {
        return Err(CutError::NoSuchInterface {
            rule: number,
            interface: interface.clone(),
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
