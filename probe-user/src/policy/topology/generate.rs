//! From topology to rules: who cannot hear whom, then who enforces it. Pure.

use std::collections::BTreeMap;

use super::{
    super::{Direction, NodeSelector, Place, Roles, Rule, resolve::Why},
    Member, Shape, ShapeKind, Topology, TopologyError, Unheard,
    party::{Cast, Party},
};

impl Topology {
    /// The rules that make it true, in the order of the nodes' names.
    ///
    /// Packets are cut where they arrive: a drop at the sender would be told to the sender's own stack. Who is outside
    /// of the inventory cannot be made deaf, so what it would have heard is cut where it leaves, as faithfully as that
    /// can be.
    pub(in crate::policy) fn rules(&self, place: &Place<'_>, roles: &Roles) -> Result<Vec<Rule>, Why> {
        let unheard = self.unheard(&Cast { place, roles })?;
        let mut arriving: Vec<Rule> = Vec::new();
        let mut leaving: BTreeMap<String, Vec<Party>> = BTreeMap::new();
        for (hearer, silent) in unheard.iter() {
            let Party::Node(node, _) = hearer else {
                for other in silent {
                    let Party::Node(node, _) = other else {
                        let (one, other) = (hearer.to_string(), other.to_string());
                        return Err(TopologyError::BothOutside { one, other }.into());
                    };
                    leaving.entry(node.clone()).or_default().push(hearer.clone());
                }
                continue;
            };
            let itself = self.how.loopback.then(|| hearer.peer());
            arriving.push(Rule {
                node: NodeSelector::Name(node.clone()),
                direction: Direction::In,
                peers: silent.iter().map(Party::peer).chain(itself).collect(),
                ..self.how.clone()
            });
        }
        let leaving = leaving.into_iter().map(|(node, deaf)| Rule {
            node: NodeSelector::Name(node),
            direction: Direction::Out,
            peers: deaf.iter().map(Party::peer).collect(),
            // The hearer's own ports are the peer's, seen from here.
            ports: self.how.peer_ports.clone(),
            peer_ports: self.how.ports.clone(),
            loopback: false,
            ..self.how.clone()
        });
        Ok(arriving.into_iter().chain(leaving).collect())
    }

    /// Who cannot hear whom; never nobody.
    fn unheard(&self, cast: &Cast<'_>) -> Result<Unheard<Party>, Why> {
        let kind = self.shape.kind();
        let unheard = match &self.shape {
            Shape::Split { groups } => {
                let sides = groups_of(cast, groups)?;
                everyone_placed(cast, &sides, None, kind)?;
                Unheard::split(&distinct(sides)?)
            }
            Shape::Isolate { node, from } => {
                let node = one(cast, &Member::Node(node.clone()))?;
                let mut others = if from.is_empty() { cast.everyone()? } else { cast.members(from)? };
                others.retain(|other| *other != node);
                Unheard::split(&distinct(vec![("`node`".into(), vec![node]), ("`from`".into(), others)])?)
            }
            Shape::Majority { minority, keep } => {
                let (minority, majority) = majority(cast, minority, keep)?;
                Unheard::split(&distinct(vec![
                    ("the minority".into(), minority),
                    ("`keep`".into(), majority),
                ])?)
            }
            Shape::Bridge { node, groups } => {
                let bridge = one(cast, &Member::Node(node.clone()))?;
                let sides = groups_of(cast, groups)?;
                everyone_placed(cast, &sides, Some(&bridge), kind)?;
                let mut all = sides.clone();
                all.push(("`node`".into(), vec![bridge]));
                distinct(all)?;
                Unheard::split(&distinct(sides)?)
            }
            Shape::Ring { nodes } => {
                let order = if nodes.is_empty() { cast.everyone()? } else { cast.members(nodes)? };
                if order.len() < 3 {
                    return Err(TopologyError::SmallRing { found: order.len() }.into());
                }
                Unheard::ring(&order)
            }
            Shape::OneWay { from, to } => {
                let sides =
                    vec![("`from`".to_owned(), cast.members(from)?), ("`to`".to_owned(), cast.members(to)?)];
                let sides = distinct(sides)?;
                Unheard::one_way(&sides[0], &sides[1])
            }
            Shape::Edge { between: [a, b] } => {
                let ends = [a, b].map(|end| Ok::<_, Why>((format!("`{end}`"), vec![one(cast, end)?])));
                Unheard::split(&distinct(ends.into_iter().collect::<Result<_, _>>()?)?)
            }
        };
        if unheard.is_empty() { Err(TopologyError::CutsNobody { kind }.into()) } else { Ok(unheard) }
    }
}

/// A side by the name that messages call it, and who stands there.
type Side = (String, Vec<Party>);

fn groups_of(cast: &Cast<'_>, groups: &[Vec<Member>]) -> Result<Vec<Side>, Why> {
    let named = (1..).zip(groups);
    named.map(|(number, group)| Ok((format!("group {number}"), cast.members(group)?))).collect()
}

/// The one that is meant.
fn one(cast: &Cast<'_>, member: &Member) -> Result<Party, Why> {
    let mut found = cast.members(std::slice::from_ref(member))?;
    match (found.pop(), found.is_empty()) {
        (Some(party), true) => Ok(party),
        (None, _) => Err(TopologyError::Empty { side: format!("`{member}`") }.into()),
        (Some(last), false) => {
            found.push(last);
            let found: Vec<_> = found.iter().map(ToString::to_string).collect();
            Err(TopologyError::NotOne { named: member.to_string(), found: found.join(" and ") }.into())
        }
    }
}

/// The sides, once it is sure that somebody stands on each, and nobody on two.
fn distinct(sides: Vec<Side>) -> Result<Vec<Vec<Party>>, Why> {
    for (index, (second, side)) in sides.iter().enumerate() {
        if side.is_empty() {
            return Err(TopologyError::Empty { side: second.clone() }.into());
        }
        for (first, earlier) in &sides[..index] {
            if let Some(who) = side.iter().find(|who| earlier.iter().any(|other| other.overlaps(who))) {
                let (first, second) = (first.clone(), second.clone());
                return Err(TopologyError::TwoSides { who: who.to_string(), first, second }.into());
            }
        }
    }
    Ok(sides.into_iter().map(|(_, side)| side).collect())
}

/// A complete shape leaves nobody out unawares.
fn everyone_placed(cast: &Cast<'_>, sides: &[Side], but: Option<&Party>, kind: ShapeKind) -> Result<(), Why> {
    let everyone = cast.everyone()?;
    let placed = |who: &Party| sides.iter().any(|(_, side)| side.contains(who)) || but == Some(who);
    match everyone.into_iter().find(|who| !placed(who)) {
        Some(who) => Err(TopologyError::LeftOut { who: who.to_string(), kind }.into()),
        None => Ok(()),
    }
}

/// The minority, and everyone else.
fn majority(cast: &Cast<'_>, minority: &[Member], keep: &[Member]) -> Result<(Vec<Party>, Vec<Party>), Why> {
    let everyone = cast.everyone()?;
    let keep = cast.members(keep)?;
    let minority = if minority.is_empty() {
        let mut rest: Vec<Party> = everyone.iter().filter(|node| !keep.contains(node)).cloned().collect();
        rest.sort();
        rest.truncate((everyone.len() - 1) / 2);
        rest
    } else {
        cast.members(minority)?
    };
    let nodes = minority.iter().filter(|party| party.is_node()).count();
    if 2 * nodes >= everyone.len() {
        return Err(TopologyError::NoMinority { minority: nodes, nodes: everyone.len() }.into());
    }
    let others = everyone.into_iter().filter(|node| !minority.contains(node) && !keep.contains(node));
    let majority = keep.iter().cloned().chain(others).collect();
    Ok((minority, majority))
}
