//! The TAP device that carries packets to their holder and back (Linux, `Documentation/networking/tuntap.rst`).

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    mem,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd},
        unix::fs::OpenOptionsExt,
    },
    path::Path,
    thread,
    time::{Duration, Instant},
};

use probe_ebpf::decode::{ETHERTYPE_VLAN, VLAN_IDENTIFIER};
use rtnetlink::{
    LinkUnspec,
    packet_core::NLM_F_ACK,
    packet_route::{
        RouteNetlinkMessage,
        link::{LinkAttribute, LinkMessage},
    },
};

use super::{DEVICE, Ending, is_device};
use crate::{
    backend::{InterfaceError, datapath::Pins, interface::change, interfaces, netlink::ask},
    cluster::{namespace_files, within_file},
};

/// `struct virtio_net_hdr` of `linux/virtio_net.h`, before each frame: what the kernel has left for a device to do,
/// segments and a checksum. It comes back as it went.
const VIRTIO_HEADER: usize = 10;

/// Where a frame's VLAN tag begins: behind the two link-layer addresses.
const TAG: usize = VIRTIO_HEADER + 12;

/// What a read may bring at most: a frame of segments, with its headers.
pub(super) const LONGEST: usize = 1 << 17;

/// How many packets may wait until the holder has read them.
const QUEUE_PACKETS: u32 = 4096;

/// How long a holder has for handing in what it holds.
const FLUSHED_WITHIN: Duration = Duration::from_millis(800);

/// The segments that a device of ours takes in one piece: all kinds that the kernel hands out (`TUN_F_CSUM`, `TSO4`,
/// `TSO6`, `TSO_ECN` of `linux/if_tun.h`), and those of UDP, which are known since Linux 6.2 (`USO4`, `USO6`).
const SEGMENTS: libc::c_ulong = 0x0f;
const DATAGRAM_SEGMENTS: libc::c_ulong = 0x60;

/// A TAP device, there as long as this is.
#[derive(Debug)]
pub struct Device {
    file: File,
    name: String,
}

impl Device {
    /// Makes it in the calling thread's network namespace, down.
    pub fn new() -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
        let file = options.open("/dev/net/tun")?;
        let name = format!("{DEVICE}{}", std::process::id());
        // SAFETY: all zeroes are a valid `ifreq`.
        let mut request: libc::ifreq = unsafe { mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from.cast_signed();
        }
        let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
        request.ifr_ifru.ifru_flags = i16::try_from(flags).map_err(io::Error::other)?;
        // SAFETY: the request is an `ifreq`, and lives until the call returns.
        if unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) } < 0 {
            return Err(io::Error::last_os_error());
        }
        let offload = |what: libc::c_ulong| {
            // SAFETY: the argument is a number.
            unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETOFFLOAD, what) == 0 }
        };
        if !offload(SEGMENTS | DATAGRAM_SEGMENTS) && !offload(SEGMENTS) {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { file, name })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Moves it into the network namespace that this file stands for. Its open end stays, so that whoever holds it keeps
    /// no namespace alive.
    pub(super) fn send_to(&self, namespace: BorrowedFd<'_>) -> Result<(), InterfaceError> {
        change(LinkUnspec::new_with_name(&self.name).setns_by_fd(namespace.as_raw_fd()).build())
    }

    /// Brings it up, in the namespace where it is; its index there.
    pub(super) fn bring_up(&self) -> Result<u32, InterfaceError> {
        // No address, so nobody asks for neighbours or routers. There is no such file where there is no IPv6.
        let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{}/disable_ipv6", self.name), "1");
        let up = LinkUnspec::new_with_name(&self.name)
            .append_extra_attribute(LinkAttribute::TxQueueLen(QUEUE_PACKETS))
            .up()
            .build();
        change(up)?;
        let found = interfaces(None)?.into_iter().find(|interface| interface.name == self.name);
        found
            .map(|interface| interface.index)
            .ok_or_else(|| InterfaceError::List(io::Error::other("the device went at once")))
    }

    /// Reads a frame, with what stands before it; its tag, 0 where it has none. `None`: there is none at the moment.
    pub(super) fn read<'b>(&mut self, buffer: &'b mut [u8]) -> io::Result<Option<(u16, &'b [u8])>> {
        match self.file.read(buffer) {
            Ok(length) => {
                let frame = &buffer[..length];
                Ok(Some((tag(frame), frame)))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Hands a frame in, just as it was read.
    pub(super) fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        self.file.write(frame).map(drop)
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The VLAN identifier of a frame; 0 where it has none.
fn tag(frame: &[u8]) -> u16 {
    match frame.get(TAG..TAG + 4) {
        Some(&[a, b, c, d]) if [a, b] == ETHERTYPE_VLAN.to_be_bytes() => {
            u16::from_be_bytes([c, d]) & VLAN_IDENTIFIER
        }
        _ => 0,
    }
}

/// Waits until the holders of these devices have handed in what they held, and ended; then takes the devices away, so
/// that a holder that was stopped cannot keep them.
pub(in super::super) fn end(pins: &Pins, devices: &Ending) -> Result<(), InterfaceError> {
    if devices.is_empty() {
        return Ok(());
    }
    // Gone with its namespace otherwise.
    let Some(home) = pins.home() else { return Ok(()) };
    within_file(&home, || {
        let there = || Ok(ours()?.into_iter().filter(|index| devices.contains(index)).collect::<Vec<_>>());
        let deadline = Instant::now() + FLUSHED_WITHIN;
        while !there()?.is_empty() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        there()?.into_iter().try_for_each(remove)
    })
    .unwrap_or(Ok(()))
}

/// Takes every holder's device of this machine away.
pub(in super::super) fn sweep() -> Result<(), InterfaceError> {
    let mut failed = None;
    for file in namespace_files() {
        if let Err(error) = sweep_one(&file) {
            failed = failed.or(Some(error));
        }
    }
    failed.map_or(Ok(()), Err)
}

fn sweep_one(namespace: &Path) -> Result<(), InterfaceError> {
    // One that cannot be entered went at this moment.
    within_file(namespace, || ours()?.into_iter().try_for_each(remove)).unwrap_or(Ok(()))
}

/// The holders' devices in the calling thread's network namespace.
fn ours() -> Result<Vec<u32>, InterfaceError> {
    let all = interfaces(None)?.into_iter();
    let ours = all.filter(|found| found.kind.as_deref() == Some("tun") && is_device(&found.name));
    Ok(ours.map(|interface| interface.index).collect())
}

fn remove(index: u32) -> Result<(), InterfaceError> {
    let mut link = LinkMessage::default();
    link.header.index = index;
    match ask(RouteNetlinkMessage::DelLink(link), NLM_F_ACK) {
        // Its holder was quicker.
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(()),
        other => other.map(drop).map_err(InterfaceError::Change),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_says_where_it_was_met() {
        let mut frame = vec![0; TAG];
        frame.extend([0x81, 0x00, 0x60, 0x07, 0x08, 0x00]);
        assert_eq!(tag(&frame), 7);
        assert_eq!(tag(&frame[..TAG + 3]), 0);
        frame[TAG] = 0x86;
        assert_eq!(tag(&frame), 0);
    }

    #[test]
    fn devices_are_known_by_their_names() {
        for (name, ours) in [("nsplit-1", true), ("nsplit-", false), ("nsplit-x", false), ("eth0", false)] {
            assert_eq!(is_device(name), ours, "{name}");
        }
    }
}
