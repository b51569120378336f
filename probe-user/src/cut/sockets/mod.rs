//! Open connections end with the cut: `close_sockets = true`.
//!
//! A cut takes packets away, and a connection without packets lives on, half-open, until something times out. Where a
//! rule says so, the sockets whose packets it hits are closed as well, right after it came into force, so that nothing
//! is made anew in between: `SOCK_DESTROY` of `sock_diag(7)`, whatever enforces the rule. The kernel (`tcp_abort`, by
//! way of `net/ipv4/inet_diag.c`) gives whoever holds the socket `ECONNABORTED`, and sends the peer a RST. That RST is a
//! packet like any other: where departures are cut, too, the peer never hears it.
//!
//! `connection` says whether a rule concerns a socket, and is pure; `diag` lists and closes sockets, `route` asks where
//! their packets go.

mod connection;
mod diag;
mod route;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, io};

use super::CutError;
use crate::{
    backend::InterfaceError,
    cluster::within,
    policy::{NodePlan, PlannedRule},
};
use connection::{Closers, Connection};
use diag::{Diag, TcpSocket};

/// A connection that was about to be made while the first look went on shows at the second.
const LOOKS: usize = 4;

/// Why sockets could not be closed.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The kernel was built without it.
    #[error(
        "this kernel cannot close sockets of others: it wants CONFIG_INET_DIAG, CONFIG_INET_TCP_DIAG and \
         CONFIG_INET_DIAG_DESTROY"
    )]
    Lacking,
    /// The kernel did not answer as it should.
    #[error("the kernel's socket diagnostics failed (sock_diag(7))")]
    Diag(#[from] io::Error),
    /// What the kernel sent makes no sense.
    #[error("the kernel's socket diagnostics make no sense")]
    Nonsense(#[from] netlink_packet_core::DecodeError),
    /// Nobody said where packets go.
    #[error("the routes of the open sockets could not be read")]
    Route(#[from] InterfaceError),
}

/// The first rule that is to close sockets.
fn closer(node: &NodePlan) -> Option<&PlannedRule> {
    node.rules.iter().find(|rule| rule.close_sockets)
}

/// Refuses a plan whose sockets this kernel cannot close. Touches nothing.
pub(super) fn check(node: &NodePlan) -> Result<(), CutError> {
    let Some(rule) = closer(node) else { return Ok(()) };
    match within(&node.target, diag::check)? {
        Ok(()) => Ok(()),
        Err(source) => {
            Err(CutError::CannotClose { rule: rule.origin + 1, target: node.target.clone(), source })
        }
    }
}

/// Closes what the rules of the nodes are to close, and says how many sockets that were, by the nodes' names. Nodes
/// without such a rule are left out.
pub(super) fn close(nodes: &[NodePlan]) -> Result<BTreeMap<String, u64>, CutError> {
    let mut closed = BTreeMap::new();
    for node in nodes.iter().filter(|node| closer(node).is_some()) {
        let many = within(&node.target, || close_here(node))??;
        closed.insert(node.node.clone(), many);
    }
    Ok(closed)
}

/// The same in the calling thread's network namespace.
fn close_here(node: &NodePlan) -> Result<u64, CutError> {
    let failed =
        |source: SocketError| CutError::Sockets { target: node.target.clone(), source: Box::new(source) };
    let mut closers = Closers::new(node);
    let diag = Diag::open().map_err(failed)?;
    let mut closed = 0;
    for _ in 0..LOOKS {
        let mut sockets = Vec::new();
        for socket in diag.tcp_sockets().map_err(failed)? {
            // Asking for routes costs more.
            if closers.may_concern(socket.local(), socket.peer())? {
                sockets.push(socket);
            }
        }
        let mut more = 0;
        for (socket, connection) in connections(sockets).map_err(failed)? {
            if closers.concern(&connection)? {
                // Where both ends are here, the RST of the one may have ended the other.
                diag.close(&socket).map_err(failed)?;
                more += u64::from(socket.is_connected());
            }
        }
        if more == 0 {
            break;
        }
        closed += more;
    }
    Ok(closed)
}

/// The sockets with what rules ask of them.
fn connections(sockets: Vec<TcpSocket>) -> Result<Vec<(TcpSocket, Connection)>, SocketError> {
    let ways: Vec<_> = sockets.iter().map(TcpSocket::way).collect();
    let interfaces = route::interfaces(&ways)?;
    let connections = sockets.into_iter().zip(ways).map(|(socket, way)| {
        let interface = interfaces.get(&way).cloned().flatten();
        let connection = Connection { local: socket.local(), peer: socket.peer(), interface };
        (socket, connection)
    });
    Ok(connections.collect())
}
