//! The SSH connections of this machine, and which of them this command came by.
//!
//! An SSH server's process holds the connection that it serves (sshd forks one for each, and so does dropbear), so what
//! such processes have established is what came in. Those among our ancestors are our own way in; `sudo`, `su` and a
//! cleared environment do not hide them.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::Read as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::LazyLock,
};

use crate::cluster::{NamespaceId, Target, namespace_id, namespace_of_process, pids};

/// What SSH servers call their processes (`proc_pid_comm(5)`); OpenSSH 9.8 split `sshd-session` off.
const SERVERS: [&str; 3] = ["sshd", "sshd-session", "dropbear"];

/// A connection of an SSH session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// The client's end.
    pub(super) client: SocketAddr,
    /// The server's end, on this machine.
    pub(super) server: SocketAddr,
    /// The network namespace of the server's end.
    pub(super) namespace: Option<NamespaceId>,
    /// Whether this process was started from it.
    pub(super) own: bool,
}

/// The sessions that this process was started from.
pub(super) fn own_sessions() -> Vec<Session> {
    let way = way_in();
    let mut found: Vec<Session> = way.servers.iter().flat_map(|&pid| held_by(pid, true)).collect();
    if let Some(named) = way.named.filter(|named| !found.iter().any(|one| one.is_same(named))) {
        // The environment knows no namespace; whoever holds the session does, if there is still somebody.
        let mut held = servers().flat_map(|pid| held_by(pid, true));
        found.push(held.find(|one| one.is_same(&named)).unwrap_or(named));
    }
    found
}

/// The SSH sessions of everybody else on this machine, as far as they can be seen.
pub(super) fn other_sessions() -> Vec<Session> {
    let own = own_sessions();
    let mut found: Vec<Session> = Vec::new();
    // A session has two processes of the server, one of which may be no ancestor of ours.
    for session in servers().flat_map(|pid| held_by(pid, false)) {
        if !own.iter().chain(&found).any(|one| one.is_same(&session)) {
            found.push(session);
        }
    }
    found
}

/// The SSH servers' processes. Every process of this machine is looked at for it.
fn servers() -> impl Iterator<Item = u32> {
    pids().filter(|&pid| is_server(pid))
}

impl Session {
    fn is_same(&self, other: &Self) -> bool {
        (self.client, self.server) == (other.client, other.server)
    }
}

/// The connections that a server's process holds.
fn held_by(pid: u32, own: bool) -> Vec<Session> {
    let namespace = namespace_of_process(pid);
    let held = sockets(pid);
    let tables = ["tcp", "tcp6"]
        .map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default());
    let rows = tables.iter().flat_map(|table| table.lines()).filter_map(established);
    rows.filter(|row| held.contains(&row.inode))
        .map(|row| Session { client: row.remote, server: row.local, namespace, own })
        .collect()
}

/// Where this process came from, which is the same for all its life.
struct WayIn {
    /// The SSH servers' processes among its ancestors.
    servers: Vec<u32>,
    /// The session that the environment names.
    named: Option<Session>,
}

fn way_in() -> &'static WayIn {
    static WAY_IN: LazyLock<WayIn> = LazyLock::new(|| {
        let ancestors: Vec<u32> = ancestors().collect();
        let named = named_by_environment(&ancestors);
        let servers = ancestors.into_iter().filter(|&pid| is_server(pid)).collect();
        WayIn { servers, named }
    });
    &WAY_IN
}

/// The processes that this one was started from, the nearest first.
fn ancestors() -> impl Iterator<Item = u32> {
    std::iter::successors(parent("self"), |pid| parent(&pid.to_string())).take_while(|&pid| pid > 1)
}

/// The session that the environment names: the only sign of it inside a terminal multiplexer, whose ancestor is not
/// sshd. `sudo` drops the variable, so the ancestors' environments are read, too.
fn named_by_environment(ancestors: &[u32]) -> Option<Session> {
    let own = std::env::var(VARIABLE).ok();
    let mut others = ancestors.iter().filter_map(|&pid| environment(pid));
    parse(&own.or_else(|| others.next())?)
}

const VARIABLE: &str = "SSH_CONNECTION";

/// What sshd puts into `SSH_CONNECTION` (ssh(1)). It is a session of the namespace that netsplit itself runs in, as
/// far as anybody knows.
pub(super) fn parse(connection: &str) -> Option<Session> {
    let mut words = connection.split_whitespace();
    let mut end = || Some(SocketAddr::new(words.next()?.parse().ok()?, words.next()?.parse().ok()?));
    let (client, server) = (end()?, end()?);
    Some(Session { client, server, namespace: namespace_id(&Target::Local.namespace_path()), own: true })
}

/// The variable in a process's environment (`proc_pid_environ(5)`).
fn environment(pid: u32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut variables =
        environment.split(|&byte| byte == 0).filter_map(|entry| std::str::from_utf8(entry).ok());
    variables.find_map(|entry| entry.strip_prefix(VARIABLE)?.strip_prefix('=').map(str::to_owned))
}

/// A process's parent (`proc_pid_status(5)`).
fn parent(pid: &str) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok())
}

fn is_server(pid: u32) -> bool {
    // Asked of every process there is: one read, and no more than a name has (`TASK_COMM_LEN`).
    let mut name = [0; 16];
    let read = File::open(format!("/proc/{pid}/comm")).and_then(|mut file| file.read(&mut name));
    let name = read.map_or(&[][..], |length| name[..length].trim_ascii_end());
    SERVERS.iter().any(|server| server.as_bytes() == name)
}

/// The inodes of the sockets that a process holds (`proc_pid_fd(5)`).
fn sockets(pid: u32) -> HashSet<u64> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let links = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    links
        .filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
        .collect()
}

/// An established connection in `/proc/net/tcp` or `tcp6` (`proc_pid_net(5)`).
#[derive(Debug, PartialEq, Eq)]
struct Row {
    local: SocketAddr,
    remote: SocketAddr,
    inode: u64,
}

fn established(line: &str) -> Option<Row> {
    const ESTABLISHED: &str = "01";
    let words: Vec<&str> = line.split_whitespace().collect();
    let &[_, local, remote, state] = words.first_chunk::<4>()?;
    let inode = words.get(9)?;
    let row = || Some(Row { local: endpoint(local)?, remote: endpoint(remote)?, inode: inode.parse().ok()? });
    (state == ESTABLISHED).then(row).flatten()
}

/// An address as the kernel prints it: words of 32 bits in network order, each as a number of this machine.
fn endpoint(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let word =
        |at: usize| Some(u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes());
    let address = match address.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        32 => {
            let octets = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_sshd_says_is_read() {
        assert!(parse("fd00::7 50000 fd00::1 22").is_some_and(|session| session.server.port() == 22));
        assert_eq!(parse(""), None);
        assert_eq!(parse("nonsense 1 2 3"), None);
    }

    #[test]
    fn the_kernels_table_is_read() {
        let row = "   0: 0B00580A:0016 0C00580A:C350 01 00000000:00000000 02:000A7D8C 00000000     0        0 4711 2";
        let expected = Row {
            local: "10.88.0.11:22".parse().unwrap(),
            remote: "10.88.0.12:50000".parse().unwrap(),
            inode: 4711,
        };
        // The words are numbers of this machine.
        if cfg!(target_endian = "little") {
            assert_eq!(established(row), Some(expected));
        }
        assert_eq!(established(&row.replace(" 01 ", " 0A ")), None, "it only listens");
        assert_eq!(established("  sl  local_address rem_address   st tx_queue"), None);
    }

    #[test]
    fn a_real_connection_is_found_by_its_sockets() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let held = sockets(std::process::id());
            let tables =
                ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/self/net/{table}")).unwrap());
            let ours = tables.iter().flat_map(|table| table.lines()).filter_map(established);
            let ends = (client.local_addr().unwrap(), client.peer_addr().unwrap());
            let found =
                ours.filter(|row| held.contains(&row.inode)).any(|row| (row.local, row.remote) == ends);
            assert!(found, "{address}");
        }
    }
}
