//! Which interface the packets of a connection take, asked of the kernel's routes.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use rtnetlink::{
    RouteMessageBuilder,
    packet_core::NLM_F_ACK,
    packet_route::{
        RouteNetlinkMessage,
        route::{RouteAttribute, RouteMessage},
    },
};

use crate::backend::{InterfaceError, interfaces as present, netlink::ask};

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    /// The interface that the socket is bound to; 0 if it is bound to none.
    pub(super) bound_to: u32,
}

/// The interface of each way, by name; nothing where there is none any more. Packets that arrive are taken to come by
/// the one that answers leave by.
pub(super) fn interfaces(ways: &[Way]) -> Result<BTreeMap<Way, Option<String>>, InterfaceError> {
    let ways: BTreeSet<Way> = ways.iter().copied().collect();
    if ways.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names: BTreeMap<u32, String> =
        present(None)?.into_iter().map(|interface| (interface.index, interface.name)).collect();
    let leaves_by = |way: &Way| {
        // An error says that nobody is reached this way.
        let routes = ask(RouteNetlinkMessage::GetRoute(question(way)), NLM_F_ACK).unwrap_or_default();
        names.get(&routes.iter().find_map(leaves_by)?).cloned()
    };
    Ok(ways.into_iter().map(|way| (way, leaves_by(&way))).collect())
}

fn question(way: &Way) -> RouteMessage {
    let mut message = match (way.from, way.to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => RouteMessageBuilder::<std::net::Ipv4Addr>::new()
            .source_prefix(from, 32)
            .destination_prefix(to, 32)
            .build(),
        (from, to) => {
            let v6 = |address| match address {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            };
            RouteMessageBuilder::<std::net::Ipv6Addr>::new()
                .source_prefix(v6(from), 128)
                .destination_prefix(v6(to), 128)
                .build()
        }
    };
    if way.bound_to != 0 {
        message.attributes.push(RouteAttribute::Oif(way.bound_to));
    }
    message
}

fn leaves_by(answer: &RouteNetlinkMessage) -> Option<u32> {
    let RouteNetlinkMessage::NewRoute(route) = answer else { return None };
    route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    })
}
