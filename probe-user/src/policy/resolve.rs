//! From policy to plan: names and roles become places and addresses. Pure.

mod error;
mod peers;
mod place;
#[cfg(test)]
mod tests;

pub use error::ResolveError;
pub(super) use error::Why;
pub use place::Place;

use super::{NodePlan, Plan, PlannedRule, Policy, Roles, Rule};
use place::Site;

/// Resolves a policy.
///
/// `roles` matter only to a policy that [needs them](Policy::needs_roles). Nodes come in the order of the
/// inventory, a place outside of it last; each has its rules in the policy's order, those of topologies behind all
/// others. Where a rule's peers are, on one of its nodes, nobody but the node itself, that node goes without the rule;
/// a rule that so ends up nowhere is an error, as is a selector that means nobody.
pub fn resolve(policy: &Policy, place: &Place<'_>, roles: &Roles) -> Result<Plan, ResolveError> {
    let mut planned: Vec<(Site<'_>, PlannedRule)> = Vec::new();
    for (origin, rule) in policy.rules.iter().enumerate() {
        let placed = placed(origin, rule, place, roles).map_err(|why| why.in_part(policy, origin))?;
        planned.extend(placed);
    }
    for (origin, topology) in (policy.rules.len()..).zip(&policy.topologies) {
        let at = |why: Why| why.in_part(policy, origin);
        for rule in topology.rules(place, roles).map_err(at)? {
            planned.extend(placed(origin, &rule, place, roles).map_err(at)?);
        }
    }
    // Stable, so that each node keeps the policy's order.
    planned.sort_by_key(|(site, _)| site.rank);
    let mut nodes: Vec<NodePlan> = Vec::new();
    for (site, rule) in planned {
        let node = site.name();
        match nodes.last_mut() {
            Some(last) if last.node == node => last.rules.push(rule),
            _ => nodes.push(NodePlan { node, target: site.target.clone(), rules: vec![rule] }),
        }
    }
    Ok(Plan { description: policy.description.clone(), nodes })
}

/// A rule on each of its nodes; never on none.
fn placed<'a>(
    origin: usize,
    rule: &Rule,
    place: &'a Place<'_>,
    roles: &Roles,
) -> Result<Vec<(Site<'a>, PlannedRule)>, Why> {
    let mut placed = Vec::new();
    for site in place.sites(&rule.node, roles)? {
        if let Some(peers) = peers::of(rule, &site, place, roles)? {
            placed.push((site, planned_rule(origin, rule, peers)));
        }
    }
    if placed.is_empty() { Err(Why::OnlyItself { node: rule.node.clone() }) } else { Ok(placed) }
}

fn planned_rule(origin: usize, rule: &Rule, peers: Vec<ipnet::IpNet>) -> PlannedRule {
    PlannedRule {
        origin,
        direction: rule.direction,
        protocol: rule.protocol,
        ports: rule.ports.clone(),
        peer_ports: rule.peer_ports.clone(),
        peers,
        flows: rule.flows,
        narrowing: rule.narrowing.clone(),
        action: rule.action,
        delay: rule.delay,
        close_sockets: rule.close_sockets,
        loopback: rule.loopback,
        interfaces: rule.interfaces.clone(),
    }
}
