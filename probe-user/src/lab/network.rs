//! The lab's network: a namespace a machine, a bridge in one of its own, and cables between them.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io,
    net::UdpSocket,
    os::{
        fd::{AsRawFd, RawFd},
        unix::fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::Path,
    thread,
};

use futures_util::TryStreamExt;
use rtnetlink::{
    Handle, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth,
    packet_route::link::{InfoData, InfoVeth, LinkFlags},
};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
    mount::{MountPropagationFlags, UnmountFlags, mount_bind, mount_bind_recursive, mount_change, unmount},
    thread::UnshareFlags,
};

use super::{Host, LabError, Layout};
use crate::cluster::{Target, within};

/// Where the system keeps the names of network namespaces.
const NAMESPACES: &str = "/run/netns";

/// The interface that each machine has.
const INTERFACE: &str = "eth0";

/// Makes every namespace of the lab, and connects them.
///
/// Both ends of each cable are born in the lab's namespaces: the caller's own never sees them.
pub(super) fn create(layout: &Layout) -> Result<(), LabError> {
    let targets = layout.targets();
    share_folder(Path::new(NAMESPACES)).map_err(network(format!("{NAMESPACES} cannot be shared")))?;
    for target in &targets {
        add_namespace(target).map_err(network(format!("the namespace {target} cannot be made")))?;
    }
    let switch_file = fs::File::open(layout.switch().namespace_path())
        .map_err(network("the namespace of the bridge cannot be opened".to_owned()))?;
    for host in Host::ALL {
        let cable = format!("the link of {host} cannot be made");
        inside(&layout.target(host), &cable, async |links| {
            plug_in(&links, host, switch_file.as_raw_fd()).await
        })?;
    }
    inside(&layout.switch(), "the bridge cannot be made", async |links| switch_on(&links).await)
}

/// Removes the lab's namespaces; what is not there is not missed.
pub(super) fn remove(layout: &Layout) -> Result<(), LabError> {
    for target in layout.targets() {
        remove_namespace(&target.namespace_path())
            .map_err(network(format!("the namespace {target} cannot be removed")))?;
    }
    Ok(())
}

/// Makes the folder of namespaces a shared mount of its own, unless it is one.
///
/// The first `ip netns add` on a machine does so too (`ip-netns(8)`), and mounts the folder over itself with all
/// that is mounted in it: namespaces made before that would be hidden, and could never be removed. The lock is
/// the one that `ip` takes against a second one at the same time.
fn share_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    let lock = fs::File::open(folder)?;
    flock(&lock, FlockOperation::LockExclusive)?;
    let share = || mount_change(folder, MountPropagationFlags::SHARED | MountPropagationFlags::REC);
    match share() {
        // Not a mount yet.
        Err(Errno::INVAL) => {
            mount_bind_recursive(folder, folder)?;
            Ok(share()?)
        }
        shared => Ok(shared?),
    }
}

/// What `ip netns add` does: a file under [`NAMESPACES`] with a fresh namespace mounted over it.
fn add_namespace(target: &Target) -> io::Result<()> {
    let path = target.namespace_path();
    OpenOptions::new().write(true).create_new(true).mode(0o444).open(&path)?;
    // On a thread of its own: the namespace of a thread goes with it, that of the caller stays.
    thread::scope(|scope| {
        let fresh = scope.spawn(|| {
            #[expect(deprecated, reason = "only CLONE_FILES makes it unsafe")]
            rustix::thread::unshare(UnshareFlags::NEWNET)?;
            mount_bind("/proc/thread-self/ns/net", &path)
        });
        fresh.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    Ok(())
}

/// What `ip netns delete` does.
fn remove_namespace(path: &Path) -> io::Result<()> {
    match unmount(path, UnmountFlags::DETACH) {
        // Not a mount: the file of a namespace that never came to be.
        Ok(()) | Err(Errno::INVAL) => {}
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno.into()),
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A machine's end of the cable, its address and its loopback; the other end is born at the switch.
async fn plug_in(links: &Handle, host: Host, switch: RawFd) -> io::Result<()> {
    let far_end = LinkUnspec::new_with_name(&port(host)).setns_by_fd(switch).build();
    let cable = LinkMessageBuilder::<LinkVeth>::new(INTERFACE, "")
        .set_info_data(InfoData::Veth(InfoVeth::Peer(far_end)))
        .up()
        .build();
    links.link().add(cable).execute().await.map_err(kernel)?;
    links
        .address()
        .add(index_of(INTERFACE)?, host.address().into(), Host::PREFIX)
        .execute()
        .await
        .map_err(kernel)?;
    // Without it 127.0.0.1 is unreachable, and Patroni reaches its PostgreSQL there.
    links.link().change(LinkUnspec::new_with_name("lo").up().build()).execute().await.map_err(kernel)
}

/// The bridge, and every cable into it.
async fn switch_on(links: &Handle) -> io::Result<()> {
    links.link().add(LinkBridge::new("br0").build()).execute().await.map_err(kernel)?;
    let bridge = index_of("br0")?;
    for host in Host::ALL {
        let plug = LinkUnspec::new_with_name(&port(host)).controller(bridge).up().build();
        links.link().change(plug).execute().await.map_err(kernel)?;
    }
    Ok(())
}

/// The switch's end of a machine's cable.
fn port(host: Host) -> String {
    format!("v-{host}")
}

/// The interfaces of a machine that are down: of its only link and its loopback.
pub(super) fn links_down(target: &Target) -> Result<Vec<&'static str>, LabError> {
    inside(target, &format!("the links of {target} cannot be looked at"), async |links| {
        let mut down = Vec::new();
        for interface in [INTERFACE, "lo"] {
            let mut found = links.link().get().match_name(interface.to_owned()).execute();
            let link = found.try_next().await.map_err(kernel)?;
            if !link.is_some_and(|link| link.header.flags.contains(LinkFlags::Up)) {
                down.push(interface);
            }
        }
        Ok(down)
    })
}

/// Puts a machine's only link up or down; its address stays.
pub(super) fn switch_power(target: &Target, up: bool) -> Result<(), LabError> {
    switch_link(target, INTERFACE, up)
}

/// Puts an interface up or down.
pub(super) fn switch_link(target: &Target, interface: &str, up: bool) -> Result<(), LabError> {
    let link = LinkUnspec::new_with_name(interface);
    let link = if up { link.up() } else { link.down() }.build();
    let what = format!("{interface} of {target} cannot go {}", if up { "up" } else { "down" });
    inside(target, &what, async |links| links.link().change(link).execute().await.map_err(kernel))
}

/// The index of an interface in the calling thread's namespace.
fn index_of(interface: &str) -> io::Result<u32> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    Ok(rustix::net::netdevice::name_to_index(&socket, interface)?)
}

/// Runs `work` in the namespace, with a netlink connection to it.
fn inside<T: Send>(
    target: &Target,
    what: &str,
    work: impl AsyncFnOnce(Handle) -> io::Result<T> + Send,
) -> Result<T, LabError> {
    within(target, || {
        tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
            let (connection, links, _) = rtnetlink::new_connection()?;
            tokio::spawn(connection);
            work(links).await
        })
    })?
    .map_err(network(what.to_owned()))
}

fn kernel(error: rtnetlink::Error) -> io::Error {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other),
    }
}

fn network(what: String) -> impl FnOnce(io::Error) -> LabError {
    move |source| LabError::Network { what, source }
}
