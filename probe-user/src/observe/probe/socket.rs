//! One probe: a socket, and what becomes of it.

use std::{
    io,
    mem::{self, MaybeUninit},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsRawFd, OwnedFd},
    ptr, thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, bind, connect, recv, send,
        shutdown, socket_with, sockopt,
    },
};

use crate::{
    proof::{Aim, Manner},
    record::ProbeMet,
};

/// How long a probe waits: less than the second after which a SYN is sent again (RFC 6298 2.1), so that one probe is
/// one packet.
pub const PATIENCE: Duration = Duration::from_millis(600);

/// How often a connection that is being closed is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// Makes a probe in the calling thread's network namespace, again where chance decides and it did not meet what it must.
pub(super) fn probe(aim: &Aim) -> ProbeMet {
    let mut met = once(aim);
    for _ in 1..aim.tries {
        if met == aim.expect {
            break;
        }
        met = once(aim);
    }
    met
}

fn once(aim: &Aim) -> ProbeMet {
    let began = Instant::now();
    let met = fault_of(aim);
    match (aim.expect.clone(), &met) {
        // Whoever answers: what is late is the answer.
        (ProbeMet::Late { least_ns }, ProbeMet::Passes | ProbeMet::Reset)
            if began.elapsed() >= Duration::from_nanos(least_ns) =>
        {
            ProbeMet::Late { least_ns }
        }
        _ => met,
    }
}

fn fault_of(aim: &Aim) -> ProbeMet {
    match met(aim) {
        // What refuses a connection is a RST, whoever sends it.
        Ok(ProbeMet::NobodyListens) if aim.manner == Manner::Connect => ProbeMet::Reset,
        Ok(met) => met,
        Err(Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::NETDOWN | Errno::ADDRNOTAVAIL) => ProbeMet::NoWay,
        Err(other) => ProbeMet::Failed(io::Error::from(other).to_string()),
    }
}

fn met(aim: &Aim) -> Result<ProbeMet, Errno> {
    // Late both ways, and later by the jitter.
    let late = match aim.expect {
        ProbeMet::Late { least_ns } => 4 * Duration::from_nanos(least_ns),
        _ => Duration::ZERO,
    };
    let deadline = Instant::now() + PATIENCE + late;
    let kind = match aim.manner {
        Manner::Datagram => SocketType::DGRAM,
        Manner::Connect | Manner::Farewell => SocketType::STREAM,
    };
    let family = if aim.to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, kind, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
    ask_for_errors(&socket, aim.to)?;
    if let Some(port) = aim.from_port {
        let any: IpAddr =
            if aim.to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        sockopt::set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &SocketAddr::new(any, port))?;
    }
    match connect(&socket, &aim.to) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(errno) => return fault(&socket, errno).ok_or(errno),
    }
    match aim.manner {
        Manner::Datagram => datagram(&socket, deadline),
        Manner::Connect => connection(&socket, deadline),
        Manner::Farewell => match connection(&socket, deadline)? {
            ProbeMet::Passes => farewell(&socket, deadline),
            other => Ok(other),
        },
    }
}

/// What becomes of a connection that was begun.
fn connection(socket: &OwnedFd, deadline: Instant) -> Result<ProbeMet, Errno> {
    if !ready(socket, PollFlags::OUT, deadline)? {
        return Ok(ProbeMet::Silence);
    }
    match sockopt::socket_error(socket)? {
        Ok(()) if icmp(socket).is_none() => Ok(ProbeMet::Passes),
        Ok(()) => fault(socket, Errno::CONNREFUSED).ok_or(Errno::PROTO),
        Err(errno) => fault(socket, errno).ok_or(errno),
    }
}

/// The state of a FIN that was not acknowledged (RFC 9293 3.3.2), as Linux numbers it.
const FIN_WAIT_1: u8 = 4;

/// What becomes of the end of a connection that stands.
fn farewell(socket: &OwnedFd, deadline: Instant) -> Result<ProbeMet, Errno> {
    // Whatever comes of it, nothing is sent again once the socket is closed.
    sockopt::set_socket_linger(socket, Some(Duration::ZERO))?;
    shutdown(socket, Shutdown::Write)?;
    loop {
        if let Some(met) = icmp(socket) {
            return Ok(met);
        }
        if let Err(errno) = sockopt::socket_error(socket)? {
            return fault(socket, errno).ok_or(errno);
        }
        if state(socket)? != FIN_WAIT_1 {
            return Ok(ProbeMet::Passes);
        }
        if Instant::now() >= deadline {
            return Ok(ProbeMet::Silence);
        }
        thread::sleep(GLANCE);
    }
}

fn datagram(socket: &OwnedFd, deadline: Instant) -> Result<ProbeMet, Errno> {
    if let Err(errno) = send(socket, &[], SendFlags::NOSIGNAL) {
        return fault(socket, errno).ok_or(errno);
    }
    if !ready(socket, PollFlags::IN, deadline)? {
        return Ok(ProbeMet::Silence);
    }
    if let Some(met) = icmp(socket) {
        return Ok(met);
    }
    match recv(socket, &mut [0; 16], RecvFlags::empty()) {
        Ok(_) => Ok(ProbeMet::Passes),
        Err(errno) => fault(socket, errno).ok_or(errno),
    }
}

/// Waits until something is to be had, an error included; `false` when the time is up.
fn ready(socket: &OwnedFd, what: PollFlags, deadline: Instant) -> Result<bool, Errno> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).unwrap_or_default();
        match poll(&mut [PollFd::new(socket, what)], Some(&timeout)) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// The fault behind a socket's error. While a connection is begun, an ICMP error leaves its name in the queue and a RST
/// does not; later it leaves none, but the connection lives on, which a RST ends.
fn fault(socket: &OwnedFd, errno: Errno) -> Option<ProbeMet> {
    // Linux numbers it so.
    const CLOSED: u8 = 7;
    icmp(socket).or_else(|| match errno {
        Errno::CONNREFUSED if state(socket) == Ok(CLOSED) => Some(ProbeMet::NobodyListens),
        Errno::CONNREFUSED => Some(ProbeMet::Rejected),
        Errno::CONNRESET | Errno::PIPE => Some(ProbeMet::Reset),
        Errno::TIMEDOUT => Some(ProbeMet::Silence),
        _ => None,
    })
}

/// Has ICMP errors told as soon as they come, and kept in the error queue (`ip(7)`, `ipv6(7)`).
fn ask_for_errors(socket: &OwnedFd, to: SocketAddr) -> Result<(), Errno> {
    let (level, option) =
        if to.is_ipv4() { (libc::SOL_IP, libc::IP_RECVERR) } else { (libc::SOL_IPV6, libc::IPV6_RECVERR) };
    let on: libc::c_int = 1;
    // SAFETY: the option takes an int, and `on` lives until the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const on).cast(),
            length_of::<libc::c_int>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(last_error()) }
}

/// The state of a TCP connection (`tcp(7)`, `TCP_INFO`).
fn state(socket: &OwnedFd) -> Result<u8, Errno> {
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut length = length_of::<libc::tcp_info>();
    // SAFETY: the kernel writes at most `length` bytes into `info`, which is made of integers, and both live until the
    // call returns.
    let (result, info) = unsafe {
        let result = libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        );
        (result, info.assume_init())
    };
    if result == 0 { Ok(info.tcpi_state) } else { Err(last_error()) }
}

/// The ICMP error that waits in the socket's error queue, if there is one.
fn icmp(socket: &OwnedFd) -> Option<ProbeMet> {
    let error = queued_error(socket)?;
    // Port unreachable: RFC 792 and RFC 4443 3.1.
    Some(match (error.ee_origin, error.ee_type, error.ee_code) {
        (libc::SO_EE_ORIGIN_ICMP, 3, 3) | (libc::SO_EE_ORIGIN_ICMP6, 1, 4) => ProbeMet::Rejected,
        (libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6 | libc::SO_EE_ORIGIN_LOCAL, ..) => {
            ProbeMet::NoWay
        }
        _ => return None,
    })
}

fn queued_error(socket: &OwnedFd) -> Option<libc::sock_extended_err> {
    let mut data = [0_u8; 256];
    // Room for the error and for the address of whoever sent it, aligned as control messages are.
    let mut control = [0_u64; 64];
    let mut part = libc::iovec { iov_base: data.as_mut_ptr().cast(), iov_len: data.len() };
    // SAFETY: a header of zeros is one that names nothing; what it names below lives until the end of this function.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
    // SAFETY: the header names buffers that are as long as it says.
    if unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) } < 0 {
        return None;
    }
    // SAFETY: the kernel filled in the control messages, and the header says how far.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    while !header.is_null() {
        // SAFETY: it points to a whole header within `control`.
        let kind = unsafe { ((*header).cmsg_level, (*header).cmsg_type) };
        if kind == (libc::SOL_IP, libc::IP_RECVERR) || kind == (libc::SOL_IPV6, libc::IPV6_RECVERR) {
            // SAFETY: a message of this kind begins with such an error (`ip(7)`).
            return Some(unsafe { ptr::read_unaligned(libc::CMSG_DATA(header).cast()) });
        }
        // SAFETY: as above.
        header = unsafe { libc::CMSG_NXTHDR(&raw const message, header) };
    }
    None
}

fn length_of<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or_default()
}

fn last_error() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;
    use crate::{cluster::Target, proof::Ruling};

    fn aim(to: SocketAddr, manner: Manner) -> Aim {
        let by = Ruling { node: "pg1".to_owned(), rule: 0 };
        Aim {
            from: Target::Local,
            to,
            from_port: None,
            manner,
            expect: ProbeMet::Silence,
            by,
            tries: 1,
            own_hits: 1,
        }
    }

    /// The faults of cuts are tried with cuts, as root; this is what there is without one.
    #[test]
    fn what_is_met_without_a_cut() {
        for own in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(own).unwrap();
            let open = listener.local_addr().unwrap();
            let closed = TcpListener::bind(own).unwrap().local_addr().unwrap();
            assert_eq!(probe(&aim(open, Manner::Connect)), ProbeMet::Passes);
            assert_eq!(probe(&aim(open, Manner::Farewell)), ProbeMet::Passes);
            assert_eq!(probe(&aim(closed, Manner::Connect)), ProbeMet::Reset);
            assert_eq!(probe(&aim(closed, Manner::Farewell)), ProbeMet::NobodyListens);

            let silent = UdpSocket::bind(own).unwrap();
            let gone = UdpSocket::bind(own).unwrap().local_addr().unwrap();
            assert_eq!(probe(&aim(silent.local_addr().unwrap(), Manner::Datagram)), ProbeMet::Silence);
            assert_eq!(probe(&aim(gone, Manner::Datagram)), ProbeMet::Rejected);
            let from_a_port = Aim { from_port: Some(gone.port()), ..aim(open, Manner::Connect) };
            assert_eq!(probe(&from_a_port), ProbeMet::Passes);
        }
        let nowhere = SocketAddr::from(([255, 255, 255, 255], 1));
        assert!(matches!(probe(&aim(nowhere, Manner::Connect)), ProbeMet::NoWay | ProbeMet::Failed(_)));
    }
}
