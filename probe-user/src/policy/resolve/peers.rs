//! The prefixes of a rule's peers, seen from one node.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{
    super::{Peer, Roles, Rule},
    error::Why,
    place::{Place, Site},
};

/// The rule's peers as prefixes, in its order and each once: empty for everyone, `None` if they are nobody
/// but the node itself.
pub(super) fn of(
    rule: &Rule,
    site: &Site<'_>,
    place: &Place<'_>,
    roles: &Roles,
) -> Result<Option<Vec<IpNet>>, Why> {
    if rule.peers.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let mut prefixes = Vec::new();
    for peer in &rule.peers {
        match peer {
            Peer::Prefix(prefix) => prefixes.push(*prefix),
            Peer::Node(selector) => {
                for node in place.peers(selector, site, roles, rule.loopback)? {
                    if site.is(node) {
                        prefixes.extend(own_prefixes(node.address));
                    } else {
                        prefixes.push(node.address.into());
                    }
                }
            }
        }
    }
    let mut seen = HashSet::new();
    prefixes.retain(|prefix| seen.insert(*prefix));
    if prefixes.is_empty() {
        return Ok(None);
    }
    if rule.loopback
        && let Some(node) = site.node
    {
        let own = own_prefixes(node.address);
        if !prefixes.iter().any(|prefix| own.iter().any(|own| prefix.contains(own) || own.contains(prefix))) {
            return Err(Why::NothingOnLoopback { node: node.name.clone(), address: node.address });
        }
    }
    Ok(Some(prefixes))
}

/// How a node appears to itself on `lo`: by its address, or by those of RFC 1122 3.2.1.3 and RFC 4291 2.5.3.
fn own_prefixes(address: IpAddr) -> [IpNet; 3] {
    [
        address.into(),
        Ipv4Net::new_assert([127, 0, 0, 0].into(), 8).into(),
        Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128).into(),
    ]
}
