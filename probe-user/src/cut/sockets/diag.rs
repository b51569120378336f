//! The kernel's TCP sockets, listed and closed by `sock_diag(7)`.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable,
};
use netlink_packet_sock_diag::{
    AF_INET, AF_INET6, IPPROTO_TCP, SockDiagDestroy, SockDiagMessage, TCP_CLOSE_WAIT, TCP_ESTABLISHED,
    TCP_SYN_RECV,
    inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags},
};
use netlink_sys::{Socket, SocketAddr as NetlinkAddress, protocols::NETLINK_SOCK_DIAG};

use super::{SocketError, route::Way};

/// A TCP socket of a connection.
#[derive(Clone, Debug)]
pub(super) struct TcpSocket {
    family: u8,
    state: u8,
    id: SocketId,
}

impl TcpSocket {
    /// What a response tells of, if there is something to close.
    ///
    /// A socket that its application has closed already is left to the kernel: it is nobody's any more, and before
    /// Linux 6.12 one that was told to end in `FIN_WAIT1` stayed for ever.
    fn of(response: &InetResponse) -> Option<Self> {
        let InetResponse { header, .. } = response;
        // No application has what is not accepted yet, but it is to get it.
        let to_be_held = matches!(header.state, TCP_ESTABLISHED | TCP_SYN_RECV | TCP_CLOSE_WAIT);
        (to_be_held || header.inode != 0).then(|| Self {
            family: header.family,
            state: header.state,
            id: header.socket_id.clone(),
        })
    }

    /// The node's end; an IPv4 address in IPv6's clothes (RFC 4291 2.5.5.2) is one of IPv4, as its packets are.
    pub(super) fn local(&self) -> SocketAddr {
        SocketAddr::new(self.id.source_address.to_canonical(), self.id.source_port)
    }

    /// The peer's end.
    pub(super) fn peer(&self) -> SocketAddr {
        SocketAddr::new(self.id.destination_address.to_canonical(), self.id.destination_port)
    }

    /// What the routes are asked about it.
    pub(super) fn way(&self) -> Way {
        Way { from: self.local().ip(), to: self.peer().ip(), bound_to: self.id.interface_id }
    }

    /// Whether its handshake is over.
    pub(super) fn is_connected(&self) -> bool {
        self.state != TCP_SYN_RECV
    }
}

/// The states of a connection. Neither listening sockets nor attempts to connect are among them: those meet the cut
/// itself; and what is in `TIME_WAIT` has ended.
fn connections() -> StateFlags {
    StateFlags::ESTABLISHED
        | StateFlags::SYN_RECV
        | StateFlags::FIN_WAIT1
        | StateFlags::FIN_WAIT2
        | StateFlags::CLOSE_WAIT
        | StateFlags::LAST_ACK
        | StateFlags::CLOSING
}

/// A conversation with the kernel about the sockets of one network namespace.
pub(super) struct Diag(Socket);

impl Diag {
    /// About the calling thread's network namespace.
    pub(super) fn open() -> Result<Self, SocketError> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
        socket.bind_auto()?;
        socket.connect(&NetlinkAddress::new(0, 0))?;
        Ok(Self(socket))
    }

    /// The sockets of all connections, of both families.
    pub(super) fn tcp_sockets(&self) -> Result<Vec<TcpSocket>, SocketError> {
        let mut sockets = Vec::new();
        for (family, any) in [(AF_INET, SocketId::new_v4()), (AF_INET6, SocketId::new_v6())] {
            let request = SockDiagMessage::InetRequest(request(family, connections(), any));
            match self.ask(request, NLM_F_DUMP, |response: SockDiagMessage| {
                if let SockDiagMessage::InetResponse(response) = response {
                    sockets.extend(TcpSocket::of(&response));
                }
            }) {
                // Built without IPv6.
                Err(SocketError::Diag(error)) if family == AF_INET6 && is_missing(&error) => {}
                other => other?,
            }
        }
        Ok(sockets)
    }

    /// Closes a socket, if it is still there. Its cookie makes sure that it is the one that was listed, and not a
    /// listener that has the same port.
    pub(super) fn close(&self, socket: &TcpSocket) -> Result<(), SocketError> {
        let request = request(socket.family, StateFlags::all(), socket.id.clone());
        let request = SockDiagDestroy::new(SockDiagMessage::InetRequest(request));
        closed(self.ask(request, NLM_F_ACK, |_: SockDiagMessage| {}))
    }

    /// Sends a request and takes the answers, to the last.
    fn ask<M: NetlinkSerializable, R: NetlinkDeserializable>(
        &self,
        request: M,
        flags: u16,
        mut take: impl FnMut(R),
    ) -> Result<(), SocketError>
    where
        NetlinkPayload<M>: From<M>,
        SocketError: From<netlink_packet_core::DecodeError>,
    {
        let mut message = NetlinkMessage::from(request);
        message.header.flags = NLM_F_REQUEST | flags;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.0.send(&bytes, 0)?;
        loop {
            let (bytes, _) = self.0.recv_from_full()?;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let message = NetlinkMessage::<R>::deserialize(rest)?;
                rest = rest.get((message.header.length as usize).next_multiple_of(4)..).unwrap_or_default();
                match message.payload {
                    NetlinkPayload::InnerMessage(response) => take(response),
                    NetlinkPayload::Done(done) if done.code == 0 => return Ok(()),
                    NetlinkPayload::Done(done) => {
                        return Err(io::Error::from_raw_os_error(done.code.saturating_neg()).into());
                    }
                    NetlinkPayload::Error(error) if error.code.is_none() => return Ok(()),
                    NetlinkPayload::Error(error) => return Err(error.to_io().into()),
                    _ => {}
                }
            }
        }
    }
}

fn request(family: u8, states: StateFlags, socket_id: SocketId) -> InetRequest {
    InetRequest { family, protocol: IPPROTO_TCP, extensions: ExtensionFlags::empty(), states, socket_id }
}

/// Whether the kernel has nobody to ask about such sockets.
fn is_missing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

/// Whether a socket is closed, by the kernel's answer to who asked for it.
pub(super) fn closed(answer: Result<(), SocketError>) -> Result<(), SocketError> {
    match answer {
        Err(SocketError::Diag(error)) => match error.raw_os_error() {
            // It was gone, and another one may be in its place.
            Some(libc::ENOENT | libc::ESTALE) => Ok(()),
            Some(libc::EOPNOTSUPP) => Err(SocketError::Lacking),
            _ => Err(error.into()),
        },
        other => other,
    }
}

/// Whether sockets can be closed here; tried on one that does not exist.
pub(super) fn check() -> Result<(), SocketError> {
    let diag = Diag::open()?;
    // A kernel without diagnostics for TCP says of every socket that it is not there.
    let nobody = SockDiagMessage::InetRequest(request(AF_INET, StateFlags::empty(), SocketId::new_v4()));
    match diag.ask(nobody, NLM_F_DUMP, |_: SockDiagMessage| {}) {
        Err(SocketError::Diag(error)) if is_missing(&error) => return Err(SocketError::Lacking),
        other => other?,
    }
    let none = TcpSocket { family: AF_INET, state: TCP_ESTABLISHED, id: SocketId::new_v4() };
    diag.close(&none)
}
