//! The interfaces of a network namespace, as rtnetlink tells them.

use std::io;

use rtnetlink::{
    LinkUnspec,
    packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL},
    packet_route::{
        RouteNetlinkMessage,
        link::{InfoKind, LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage, LinkXdp},
    },
};
use serde::{Deserialize, Serialize};

use super::netlink::ask;

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its index in its namespace.
    pub index: u32,
    /// Administratively up.
    pub up: bool,
    /// What makes it, such as `veth` or `bridge`; `None` for hardware and `lo`.
    pub kind: Option<String>,
    /// What XDP program it carries.
    pub xdp: XdpState,
}

/// The XDP program of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdpState {
    /// None.
    Free,
    /// netsplit's own.
    Ours(XdpMode),
    /// Somebody else's.
    Foreign {
        /// The program's id, as `bpftool prog show` has it.
        program: u32,
    },
}

/// Where an XDP program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum XdpMode {
    /// In the driver.
    Native,
    /// In the stack, on an `skb`.
    Generic,
}

/// Why the interfaces could not be listed or changed.
#[derive(Debug, thiserror::Error)]
pub enum InterfaceError {
    /// The kernel did not tell.
    #[error("the kernel did not list its interfaces")]
    List(#[source] io::Error),
    /// The kernel refused a change.
    #[error("the kernel did not change the interface")]
    Change(#[source] io::Error),
}

/// Lists the interfaces of the calling thread's network namespace. An XDP program whose id is in `ours`
/// counts as netsplit's.
pub fn interfaces(ours: Option<u32>) -> Result<Vec<Interface>, InterfaceError> {
    let mut question = LinkMessage::default();
    // Counters are most of what there is to tell, and nobody asks for them.
    question.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    let answers = ask(RouteNetlinkMessage::GetLink(question), NLM_F_DUMP).map_err(InterfaceError::List)?;
    let links = answers.iter().filter_map(|answer| match answer {
        RouteNetlinkMessage::NewLink(link) => Some(interface(link, ours)),
        _ => None,
    });
    Ok(links.collect())
}

/// Brings an interface of the calling thread's network namespace up.
pub fn bring_up(name: &str) -> Result<(), InterfaceError> {
    change(LinkUnspec::new_with_name(name).up().build())
}

/// Changes an interface of the calling thread's network namespace.
pub(super) fn change(message: LinkMessage) -> Result<(), InterfaceError> {
    ask(RouteNetlinkMessage::NewLink(message), NLM_F_ACK).map(drop).map_err(InterfaceError::Change)
}

/// Makes an interface in the calling thread's network namespace.
pub(crate) fn link(message: LinkMessage) -> Result<(), InterfaceError> {
    let flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    ask(RouteNetlinkMessage::NewLink(message), flags).map(drop).map_err(InterfaceError::Change)
}

fn interface(message: &LinkMessage, ours: Option<u32>) -> Interface {
    let mut interface = Interface {
        name: String::new(),
        index: message.header.index,
        up: message.header.flags.contains(LinkFlags::Up),
        kind: None,
        xdp: XdpState::Free,
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => interface.name.clone_from(name),
            LinkAttribute::LinkInfo(infos) => {
                interface.kind = infos.iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind_name(kind)),
                    _ => None,
                });
            }
            LinkAttribute::Xdp(xdp) => interface.xdp = xdp_state(xdp, ours),
            _ => {}
        }
    }
    interface
}

fn kind_name(kind: &InfoKind) -> String {
    kind.to_string()
}

fn xdp_state(attributes: &[LinkXdp], ours: Option<u32>) -> XdpState {
    let mut program = None;
    let mut mode = XdpMode::Native;
    for attribute in attributes {
        match attribute {
            LinkXdp::ProgId(id) => program = program.or(Some(*id)),
            LinkXdp::SkbProgId(id) => {
                program = Some(*id);
                mode = XdpMode::Generic;
            }
            LinkXdp::DrvProgId(id) | LinkXdp::HwProgId(id) => program = Some(*id),
            _ => {}
        }
    }
    match program {
        None => XdpState::Free,
        Some(id) if Some(id) == ours => XdpState::Ours(mode),
        Some(program) => XdpState::Foreign { program },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xdp_programs_are_told_apart() {
        for (attributes, state) in [
            (vec![], XdpState::Free),
            (vec![LinkXdp::ProgId(3), LinkXdp::DrvProgId(3)], XdpState::Ours(XdpMode::Native)),
            (vec![LinkXdp::ProgId(3), LinkXdp::SkbProgId(3)], XdpState::Ours(XdpMode::Generic)),
            (vec![LinkXdp::ProgId(4), LinkXdp::DrvProgId(4)], XdpState::Foreign { program: 4 }),
        ] {
            assert_eq!(xdp_state(&attributes, Some(3)), state, "{attributes:?}");
        }
    }
}
