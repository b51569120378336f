//! Apply: all nodes or none.
//!
//! Every node is prepared first (programs attached, tables staged in the bank that packets do not see; rules shown to
//! nft for a trial); only when all are ready does one step a node put the cut in force. A failure on the way leaves
//! each node as it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use super::{CutError, CutId, CutStatus, privilege::check_privilege, protect, random, session, sockets};
use crate::{
    backend::{Choice, Means, Prepared, Stamp, datapath::TcFlavour, holds_on},
    clock::BootInstant,
    cluster::{Protected, Target, within},
    policy::{NodePlan, Plan},
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
    /// How many sockets were closed on each node where a rule says so.
    pub closed_sockets: BTreeMap<String, u64>,
}

/// How one rule of a plan would be enforced on one node.
#[derive(Clone, Debug)]
pub struct Scheme {
    /// The interfaces that it holds on.
    pub interfaces: Vec<String>,
    /// By what, such as `tc ingress`.
    pub means: Vec<String>,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let means: BTreeSet<&str> = self.means.iter().map(String::as_str).collect();
        let means: Vec<_> = means.into_iter().collect();
        write!(f, "{} on {}", means.join(" and "), self.interfaces.join(", "))
    }
}

/// Puts a plan in force on all its nodes, or on none. Returns when packets are being judged by it.
pub fn apply(request: &Request) -> Result<Cut, CutError> {
    check_privilege()?;
    session::check(&request.plan, request.cut_own_session)?;
    protect::check(&request.plan, &request.protect)?;
    request.plan.nodes.iter().try_for_each(sockets::check)?;
    let mut request = request.clone();
    let enforcer = request.choice.enforcer();
    if enforcer.repeats_chance() {
        // Small enough to be typed again.
        request.plan.settle_seeds(|| u32::from_ne_bytes(random::bytes()).into());
    }
    let request = &request;
    let mut seen = BTreeSet::new();
    if let Some(twice) = request.plan.nodes.iter().find(|node| !seen.insert(&node.target)) {
        return Err(CutError::TwiceTheSame(twice.target.clone()));
    }
    let targets: Vec<&Target> = request.plan.nodes.iter().map(|node| &node.target).collect();
    let turn = enforcer.turn(&targets)?;
    let means = Means { choice: request.choice, flavour: request.flavour };
    let mut ready: Vec<Box<dyn Prepared + '_>> = Vec::new();
    for node in &request.plan.nodes {
        match within(&node.target, || turn.prepare(node, means)).map_err(CutError::from).flatten() {
            Ok(prepared) => ready.push(prepared),
            Err(error) => {
                abandon(ready);
                return Err(error);
            }
        }
    }
    // Only now: what came before may take long, and a lease is time in force.
    let since = BootInstant::now();
    let deadline = since + request.lease;
    let stamp = Stamp {
        id: CutId::random(),
        description: request.plan.description.clone(),
        since,
        deadline,
        edges: request.edges.clone(),
    };
    if let Err(error) = ready.iter_mut().try_for_each(|prepared| prepared.stage(&stamp)) {
        abandon(ready);
        return Err(error);
    }
    let committed = ready.iter_mut().try_for_each(|prepared| prepared.commit());
    // At once: whatever is closed could be made anew by the next packet that passes.
    let closed = committed.and_then(|()| sockets::close(&request.plan.nodes));
    let told = closed.and_then(|closed| Ok((parts_of(&ready, &stamp.id)?, closed)));
    drop(ready);
    drop(turn);
    match told {
        Ok((nodes, closed_sockets)) => {
            session::tell_of_others(&request.plan);
            Ok(Cut { id: stamp.id, deadline, nodes, closed_sockets })
        }
        Err(error) => {
            // Some nodes may be cut already, and nobody would know of it: all or nothing.
            let _ = super::revert(&stamp.id);
            Err(error)
        }
    }
}

/// Each node's part of a cut, as its kernel tells it.
fn parts_of(ready: &[Box<dyn Prepared + '_>], id: &CutId) -> Result<Vec<CutStatus>, CutError> {
    let mut nodes = Vec::new();
    for prepared in ready {
        nodes.extend(prepared.status()?.into_iter().filter(|part| part.id == *id));
    }
    Ok(nodes)
}

/// Takes back what a failed apply made.
fn abandon(ready: Vec<Box<dyn Prepared + '_>>) {
    for prepared in ready {
        prepared.abandon();
    }
}

/// Says how each rule of a node's plan would be enforced, and touches nothing.
pub fn plan_enforcement(node: &NodePlan, choice: Choice) -> Result<Vec<Scheme>, CutError> {
    let enforcer = choice.enforcer();
    sockets::check(node)?;
    within(&node.target, || {
        let present = enforcer.interfaces()?;
        let scheme = |rule| {
            let on = holds_on(&node.target, rule, &present)?;
            let means = enforcer.means(choice, rule, &on)?;
            Ok(Scheme { interfaces: on.iter().map(|interface| interface.name.clone()).collect(), means })
        };
        node.rules.iter().map(scheme).collect()
    })?
}
