//! The resolver: whatever the policy, the cluster and the roles, there is a plan or a reason why not; no node comes
//! twice, and no rule cuts a node from itself alone, but on `lo`.

use std::collections::BTreeSet;

use arbitrary::{Result, Unstructured};
use netsplit::{
    cluster::{Inventory, Target},
    policy::{Peer, Place, Plan, Policy, Roles, parse, resolve},
};

use crate::written::{self, Scope};

/// The input is what a cluster, its roles and a policy are made of.
pub fn check(input: &[u8]) {
    // Too few bytes to make anything of.
    let _ = try_check(&mut Unstructured::new(input));
}

fn try_check(bytes: &mut Unstructured<'_>) -> Result<()> {
    let inventory = Inventory::parse(&written::inventory(bytes)?, "made.toml").unwrap();
    let known = bytes.arbitrary()?;
    let roles = roles(bytes)?;
    let local = if bytes.arbitrary()? { Target::Local } else { Target::Netns("pg2".to_owned()) };
    let Ok(policy) = parse("made.toml", &written::policy(bytes, Scope::Cluster)?) else { return Ok(()) };
    let place = Place { cluster: Some(&inventory).filter(|_| known), local };
    match resolve(&policy, &place, &roles) {
        Ok(plan) => holds(&policy, &place, &plan),
        Err(error) => {
            assert!(error.origin < policy.rules.len());
            assert!(!error.why().is_empty() && !error.way_out().is_empty());
        }
    }
    Ok(())
}

fn roles(bytes: &mut Unstructured<'_>) -> Result<Roles> {
    let leader = if bytes.arbitrary()? { Some(written::name(bytes)?) } else { None };
    let some = |bytes: &mut Unstructured<'_>| -> Result<BTreeSet<String>> {
        let how_many = bytes.int_in_range(0..=3)?;
        (0..how_many).map(|_| written::name(bytes)).collect()
    };
    let sync = some(bytes)?;
    let replicas = if bytes.arbitrary()? { Some(some(bytes)?) } else { None };
    Ok(Roles { leader, sync, replicas })
}

fn holds(policy: &Policy, place: &Place<'_>, plan: &Plan) {
    let names: BTreeSet<_> = plan.nodes.iter().map(|node| &node.node).collect();
    let targets: BTreeSet<_> = plan.nodes.iter().map(|node| &node.target).collect();
    assert_eq!(
        (names.len(), targets.len()),
        (plan.nodes.len(), plan.nodes.len()),
        "a node comes twice: {plan:?}"
    );
    let enforced: BTreeSet<_> =
        plan.nodes.iter().flat_map(|node| &node.rules).map(|rule| rule.origin).collect();
    assert!(enforced.into_iter().eq(0..policy.rules.len()), "a rule is enforced nowhere: {plan:?}");
    for node in &plan.nodes {
        assert!(!node.rules.is_empty() && node.rules.is_sorted_by_key(|rule| rule.origin), "{plan:?}");
        let Some(itself) = place.cluster.and_then(|cluster| cluster.node(&node.node)) else { continue };
        for planned in &node.rules {
            let rule = &policy.rules[planned.origin];
            assert_eq!(
                rule.peers.is_empty(),
                planned.peers.is_empty(),
                "everyone, and only then: {planned:?}"
            );
            let written = rule
                .peers
                .iter()
                .any(|peer| matches!(peer, Peer::Prefix(prefix) if prefix.contains(&itself.address)));
            let cut_from_itself = planned.peers.contains(&itself.address.into());
            assert!(
                !cut_from_itself || planned.loopback || written,
                "{} is cut from itself: {planned:?}",
                node.node
            );
        }
    }
}
