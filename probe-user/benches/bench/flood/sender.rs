//! A flood of UDP packets, as frames or by sockets.

use std::{
    net::{IpAddr, Ipv4Addr, UdpSocket},
    os::fd::{AsRawFd, OwnedFd},
    thread,
    time::{Duration, Instant},
};

use netsplit::cluster::{Target, within};
use probe_ebpf::frames::{Frame, Network, Transport};

use super::contender::{MISSED_PORT, PORT};
use crate::{
    Explain, Failure,
    harness::{self, Pair},
    kernel::{Instruction, Kind, load, send_frames},
};

/// What a frame of the flood looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Template {
    pub(crate) source: Ipv4Addr,
    pub(crate) port: u16,
}

/// The end of the cable that sends.
pub(crate) struct Sender {
    peer: Target,
    ifindex: u32,
    to: [u8; 6],
    from: [u8; 6],
    program: OwnedFd,
    sockets: Vec<UdpSocket>,
    // Nobody reads them: that packets come to them, and not to a closed port, is enough.
    _receivers: Vec<UdpSocket>,
}

impl Sender {
    pub(crate) fn new(pair: &Pair) -> Result<Self, Failure> {
        const XDP_TX: i32 = 3;
        let program =
            load(Kind::Xdp, &[Instruction::set(0, XDP_TX), Instruction::exit()]).explain("a sender")?;
        let bind = |target: &Target, address: IpAddr, port: u16| {
            let bound = within(target, || UdpSocket::bind((address, port))).explain("a namespace")?;
            bound.explain("a UDP socket")
        };
        let receivers = [PORT, MISSED_PORT].map(|port| bind(&pair.node_target(), Pair::V4, port));
        let mut sockets = Vec::new();
        for _ in 0..2 {
            let socket = bind(&pair.peer_target(), Pair::PEER_V4, 0)?;
            socket.connect((Pair::V4, PORT)).explain("a UDP socket")?;
            sockets.push(socket);
        }
        let (_, to) = link(&pair.node)?;
        let (ifindex, from) = link(&pair.peer)?;
        let receivers = receivers.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Self { peer: pair.peer_target(), ifindex, to, from, program, sockets, _receivers: receivers })
    }

    /// Sends copies of these in turn, for about so long; gives how many, and the seconds that they took.
    pub(crate) fn by_frames(&self, templates: &[Template], slice: Duration) -> Result<(u64, f64), Failure> {
        const FEW: f64 = 1024.0;
        const MANY: f64 = 65_536.0;
        let (mut sent, mut took, mut count) = (0, 0.0, FEW);
        for template in templates {
            let frame = self.frame(*template);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between few and many"
            )]
            let copies = count as u32;
            let ns = within(&self.peer, || send_frames(&self.program, self.ifindex, &frame, copies))
                .explain("the peer's namespace")?
                .explain("live frames")?;
            let each = f64::from(ns) / 1e9;
            sent += u64::from(copies);
            took += each * f64::from(copies);
            // The first ones tell how many fit.
            count = (slice.as_secs_f64() / each.max(1e-9) / 4.0).clamp(FEW, MANY);
        }
        Ok((sent, took))
    }

    fn frame(&self, template: Template) -> Vec<u8> {
        let IpAddr::V4(node) = Pair::V4 else { return Vec::new() };
        let network =
            Network::V4 { source: template.source.octets(), destination: node.octets(), options: 0 };
        let transport = Transport::Udp { source: 40000, destination: template.port };
        Frame { to: self.to, from: self.from, network, transport, data: 18, ..Frame::tcp(0, 0, 0) }.bytes()
    }

    /// Sends with a thread for each socket, for so long.
    pub(crate) fn by_sockets(&self, slice: Duration) -> Result<(), Failure> {
        let until = Instant::now() + slice;
        thread::scope(|scope| {
            let threads: Vec<_> =
                self.sockets.iter().map(|socket| scope.spawn(move || send_until(socket, until))).collect();
            let mut ended = threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            ended.try_for_each(|ended| ended.explain("sendmmsg"))
        })
    }
}

/// Many small packets, many at a time (`sendmmsg(2)`).
fn send_until(socket: &UdpSocket, until: Instant) -> std::io::Result<()> {
    const AT_ONCE: u32 = 64;
    let data = [0_u8; 18];
    let mut piece = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
    // SAFETY: zeros are a message without address, control data and flags.
    let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
    message.msg_hdr.msg_iov = &raw mut piece;
    message.msg_hdr.msg_iovlen = 1;
    let mut messages = [message; AT_ONCE as usize];
    while Instant::now() < until {
        // SAFETY: the messages and the data that they point at outlive the call.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), AT_ONCE, 0) };
        if sent < 0 {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The index and the address of a namespace's end of the cable.
fn link(namespace: &str) -> Result<(u32, [u8; 6]), Failure> {
    let told = harness::run("ip", &["-n", namespace, "-j", "link", "show", "eth0"]);
    let told: serde_json::Value = serde_json::from_str(&told).explain("the interface")?;
    let index = told[0]["ifindex"].as_u64().and_then(|index| u32::try_from(index).ok());
    let bytes = told[0]["address"].as_str().map(|address| {
        address.split(':').filter_map(|byte| u8::from_str_radix(byte, 16).ok()).collect::<Vec<_>>()
    });
    let address = bytes.and_then(|bytes| <[u8; 6]>::try_from(bytes).ok());
    index.zip(address).ok_or_else(|| Failure::new("the interface has no index, or no address"))
}
