//! Who a topology's members are, here and now.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;

use super::{
    super::{NodeSelector, Peer, Place, Roles, resolve::Why},
    Member,
};
use crate::cluster::{Node, endpoint_address};

/// One that hears and is heard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Party {
    /// A node of the inventory, by name and address: rules can be enforced there.
    Node(String, IpNet),
    /// Somebody outside.
    Outside(IpNet),
}

impl Party {
    fn node(node: &Node) -> Self {
        Self::Node(node.name.clone(), node.address.into())
    }

    fn prefix(&self) -> &IpNet {
        match self {
            Self::Node(_, prefix) | Self::Outside(prefix) => prefix,
        }
    }

    /// Whether it is a node.
    pub(super) fn is_node(&self) -> bool {
        matches!(self, Self::Node(..))
    }

    /// Whether the two have an address in common.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.prefix().contains(other.prefix()) || other.prefix().contains(self.prefix())
    }

    /// What a rule calls it.
    pub(super) fn peer(&self) -> Peer {
        match self {
            Self::Node(name, _) => Peer::Node(NodeSelector::Name(name.clone())),
            Self::Outside(prefix) => Peer::Prefix(*prefix),
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.peer().fmt(f)
    }
}

/// Whom a topology can speak of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cast<'a> {
    pub(super) place: &'a Place<'a>,
    pub(super) roles: &'a Roles,
}

impl Cast<'_> {
    /// Every node of the inventory, in its order.
    pub(super) fn everyone(&self) -> Result<Vec<Party>, Why> {
        self.nodes(&NodeSelector::All)
    }

    /// The nodes that a selector means; never none.
    pub(super) fn nodes(&self, selector: &NodeSelector) -> Result<Vec<Party>, Why> {
        Ok(self.place.meant(selector, self.roles)?.into_iter().map(Party::node).collect())
    }

    /// Who the members are, each once.
    pub(super) fn members(&self, members: &[Member]) -> Result<Vec<Party>, Why> {
        let mut parties: Vec<Party> = Vec::new();
        for member in members {
            for party in self.member(member)? {
                if !parties.contains(&party) {
                    parties.push(party);
                }
            }
        }
        Ok(parties)
    }

    fn member(&self, member: &Member) -> Result<Vec<Party>, Why> {
        let cluster = self.place.cluster_for(member)?;
        let outside = |address: IpAddr| {
            let is_node = cluster.nodes.iter().any(|node| node.address == address);
            (!is_node).then(|| Party::Outside(address.into()))
        };
        match member {
            Member::Node(selector) => self.nodes(selector),
            Member::Prefix(prefix) => {
                match cluster.nodes.iter().find(|node| prefix == &node.address.into()) {
                    Some(node) => Ok(vec![Party::node(node)]),
                    None => Ok(vec![Party::Outside(*prefix)]),
                }
            }
            Member::Haproxy => {
                Ok(cluster.haproxy.iter().filter_map(|haproxy| outside(haproxy.primary.ip())).collect())
            }
            Member::Dcs => {
                let hosts = cluster.etcd.endpoints.iter().map(|endpoint| {
                    endpoint_address(endpoint)
                        .ok_or_else(|| Why::NamedEndpoint { endpoint: endpoint.clone() })
                });
                Ok(hosts.collect::<Result<Vec<_>, _>>()?.into_iter().filter_map(outside).collect())
            }
        }
    }
}
