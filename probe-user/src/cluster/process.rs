//! A node's processes: found by the network namespace that they live in, and held, never known by number only.

use std::{
    fs, io,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    path::PathBuf,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NamespaceId, Node, Target, namespace_id, namespace_of_process, pids};

/// How often a wait asks whether it should end.
const GLANCE: Duration = Duration::from_millis(50);

/// A server that an action is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Server {
    /// PostgreSQL: its first process, the postmaster.
    Postgres,
    /// Patroni.
    Patroni,
    /// etcd, one member.
    Etcd,
    /// `HAProxy`.
    Haproxy,
}

/// Why a server's process cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The inventory does not say where to look.
    #[error("the inventory does not say where {node} keeps its PostgreSQL: add `data_dir` to its [[node]]")]
    NoDataDirectory {
        /// The node.
        node: String,
    },
    /// The node's namespace is not there.
    #[error(
        "the network namespace of {node}, {target}, is not there; `ip netns list` shows the ones that are"
    )]
    NoNamespace {
        /// The node.
        node: String,
        /// Its target.
        target: Target,
    },
    /// It does not run.
    #[error("{server} does not run on {node}")]
    NotRunning {
        /// The server.
        server: Server,
        /// The node.
        node: String,
    },
    /// More than one runs there, and nothing tells which is meant.
    #[error(
        "several processes on {node} are {server} ({}): netsplit touches none of them",
        .pids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
    )]
    Several {
        /// The server.
        server: Server,
        /// The node.
        node: String,
        /// Their process ids.
        pids: Vec<u32>,
    },
    /// The kernel refused.
    #[error("process {pid} cannot be {what}")]
    Refused {
        /// The process.
        pid: u32,
        /// What was tried, such as `signalled`.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Postgres => "PostgreSQL",
            Self::Patroni => "Patroni",
            Self::Etcd => "etcd",
            Self::Haproxy => "HAProxy",
        })
    }
}

/// A process, held by a pidfd: a recycled number is never hit (`pidfd_open(2)`).
#[derive(Debug)]
pub struct Process {
    pid: u32,
    handle: OwnedFd,
}

impl Process {
    /// The server's first process on a node: PostgreSQL by its `postmaster.pid`, the others by their command
    /// lines; each must live in the node's network namespace.
    pub fn of(server: Server, node: &Node) -> Result<Self, ProcessError> {
        let namespace = namespace_id(&node.transport.namespace_path()).ok_or_else(|| {
            ProcessError::NoNamespace { node: node.name.clone(), target: node.transport.clone() }
        })?;
        let not_running = || ProcessError::NotRunning { server, node: node.name.clone() };
        let pid = match server {
            Server::Postgres => postmaster(node)?,
            Server::Patroni | Server::Etcd | Server::Haproxy => the_one(server, node, namespace)?,
        };
        let process = pid.and_then(Self::open).ok_or_else(not_running)?;
        // Looked at again now that it is held.
        let same = namespace_of_process(process.pid) == Some(namespace)
            && is_server(server, &arguments(process.pid));
        if same { Ok(process) } else { Err(not_running()) }
    }

    fn open(pid: u32) -> Option<Self> {
        let raw = Pid::from_raw(i32::try_from(pid).ok()?)?;
        Some(Self { pid, handle: pidfd_open(raw, PidfdFlags::empty()).ok()? })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its program's file, and the user and group that run it.
    pub fn identity(&self) -> Result<(PathBuf, u32, u32), ProcessError> {
        let folder = PathBuf::from(format!("/proc/{}", self.pid));
        let looked_at = || {
            let owner = fs::metadata(&folder)?;
            Ok((fs::read_link(folder.join("exe"))?, owner.uid(), owner.gid()))
        };
        looked_at().map_err(|source| ProcessError::Refused { pid: self.pid, what: "looked at", source })
    }

    /// Sends a signal; to a process that has ended it is none.
    pub fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        match pidfd_send_signal(&self.handle, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(errno) => {
                Err(ProcessError::Refused { pid: self.pid, what: "signalled", source: errno.into() })
            }
        }
    }

    /// Waits for its end; `false` when the time was up or `stop` said so first.
    pub fn ended_within(&self, timeout: Duration, stop: &dyn Fn() -> bool) -> bool {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.ended(left.min(GLANCE)) {
                return true;
            }
            if left.is_zero() || stop() {
                return false;
            }
        }
    }

    fn ended(&self, patience: Duration) -> bool {
        let mut polled = [PollFd::new(&self.handle, PollFlags::IN)];
        let Ok(timeout) = Timespec::try_from(patience) else { return false };
        // An interrupted poll has waited a little, too.
        poll(&mut polled, Some(&timeout)).is_ok_and(|ready| ready > 0)
    }

    /// Its children, each held.
    fn children(&self) -> Vec<Self> {
        let mut children: Vec<Self> = pids().filter_map(Self::open).collect();
        children.retain(|child| parent_of(child.pid) == Some(self.pid));
        children
    }

    /// Stops it and its children. A stopped process forks no more, so the parent goes first.
    pub fn pause(self) -> Result<Paused, ProcessError> {
        self.signal(Signal::STOP)?;
        let children = self.children();
        let mut paused = Paused(vec![self]);
        for child in children {
            child.signal(Signal::STOP)?;
            paused.0.push(child);
        }
        Ok(paused)
    }

    /// Lets it and its children go on; says how many they are.
    pub fn resume(&self) -> Result<usize, ProcessError> {
        let children = self.children();
        for child in &children {
            child.signal(Signal::CONT)?;
        }
        self.signal(Signal::CONT)?;
        Ok(1 + children.len())
    }
}

/// Processes that are stopped. Dropping it lets them go on.
#[derive(Debug)]
pub struct Paused(Vec<Process>);

impl Paused {
    /// How many they are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Lets them go on; says how many of them were stopped until now.
    pub fn resume(self) -> usize {
        self.0.iter().filter(|process| is_stopped(process.pid) && !process.ended(Duration::ZERO)).count()
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        for process in self.0.iter().rev() {
            if let Err(error) = process.signal(Signal::CONT) {
                tracing::error!(pid = process.pid, %error, "a paused process cannot be resumed");
            }
        }
    }
}

/// The process id on the first line of `postmaster.pid`.
fn postmaster(node: &Node) -> Result<Option<u32>, ProcessError> {
    let folder =
        node.data_dir.as_ref().ok_or_else(|| ProcessError::NoDataDirectory { node: node.name.clone() })?;
    let text = fs::read_to_string(folder.join("postmaster.pid")).unwrap_or_default();
    Ok(text.lines().next().and_then(|line| line.trim().parse().ok()))
}

/// The one process of the namespace that is this server; a child of it that has not yet become another program is
/// not.
fn the_one(server: Server, node: &Node, namespace: NamespaceId) -> Result<Option<u32>, ProcessError> {
    let mut found: Vec<u32> = pids()
        .filter(|pid| namespace_of_process(*pid) == Some(namespace) && is_server(server, &arguments(*pid)))
        .collect();
    let all = found.clone();
    found.retain(|pid| parent_of(*pid).is_none_or(|parent| !all.contains(&parent)));
    match found.as_slice() {
        [] => Ok(None),
        [pid] => Ok(Some(*pid)),
        _ => Err(ProcessError::Several { server, node: node.name.clone(), pids: found }),
    }
}

fn is_server(server: Server, arguments: &[String]) -> bool {
    match server {
        Server::Postgres => is_program(arguments, &["postgres", "postmaster"]),
        Server::Patroni => is_patroni(arguments),
        Server::Etcd => is_program(arguments, &["etcd"]),
        Server::Haproxy => is_program(arguments, &["haproxy"]),
    }
}

/// `patroni …`, `python3 …/patroni …` or `python3 -m patroni …`.
fn is_patroni(arguments: &[String]) -> bool {
    let words: Vec<&str> = arguments.iter().map(|word| file_name(word)).collect();
    match words.as_slice() {
        ["patroni", ..] => true,
        [python, "-m", module, ..] => python.starts_with("python") && *module == "patroni",
        [python, "patroni", ..] => python.starts_with("python"),
        _ => false,
    }
}

fn is_program(arguments: &[String], names: &[&str]) -> bool {
    arguments.first().is_some_and(|program| names.contains(&file_name(program)))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn arguments(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// The fourth field of `/proc/PID/stat`.
fn parent_of(pid: u32) -> Option<u32> {
    behind_the_name(pid)?.split_whitespace().nth(1)?.parse().ok()
}

/// Whether a signal has stopped it (`proc_pid_stat(5)`: `T`).
fn is_stopped(pid: u32) -> bool {
    behind_the_name(pid).is_some_and(|fields| fields.trim_start().starts_with('T'))
}

/// The fields of `/proc/PID/stat` from the third on; the second one may hold anything up to its last `)`.
fn behind_the_name(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fakes::Postmaster;

    #[test]
    fn patroni_is_told_by_its_command_line() {
        for (line, expected) in [
            ("/venv/bin/python3 /venv/bin/patroni /etc/patroni.yml", true),
            ("python3.11 -m patroni /etc/patroni.yml", true),
            ("/usr/bin/patroni /etc/patroni.yml", true),
            ("/venv/bin/python3 /venv/bin/patronictl list", false),
            ("vim patroni", false),
            ("postgres: main: patroni", false),
            ("tail -f /var/log/patroni", false),
            ("", false),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(is_patroni(&words), expected, "{line}");
        }
    }

    #[test]
    fn other_servers_are_told_by_their_program() {
        for (server, line, expected) in [
            (Server::Etcd, "/usr/bin/etcd --name dcs", true),
            (Server::Etcd, "etcdctl watch etcd", false),
            (Server::Haproxy, "/usr/sbin/haproxy -db -f haproxy.cfg", true),
            (Server::Haproxy, "vim haproxy", false),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(is_server(server, &words), expected, "{line}");
        }
    }

    #[test]
    fn a_process_is_found_stopped_continued_and_its_end_is_seen() {
        let postmaster = Postmaster::start();
        let process = Process::of(Server::Postgres, &postmaster.node()).expect("it runs");
        assert_eq!(process.pid(), postmaster.pid());
        let paused = process.pause().expect("its own child");
        assert_eq!(paused.count(), 1);
        postmaster.wait_for_state('T');
        let process = Process::of(Server::Postgres, &postmaster.node()).expect("a stopped one still runs");
        assert_eq!(process.resume().expect("its own child"), 1);
        postmaster.wait_for_state('S');
        process.signal(Signal::STOP).expect("its own child");
        postmaster.wait_for_state('T');
        assert_eq!(paused.resume(), 1);
        postmaster.wait_for_state('S');
        let again = Process::of(Server::Postgres, &postmaster.node()).expect("it runs").pause();
        process.resume().expect("its own child");
        postmaster.wait_for_state('S');
        assert_eq!(again.expect("its own child").resume(), 0, "somebody else was faster");
        assert!(!process.ended_within(Duration::from_millis(10), &|| false));
        process.signal(Signal::KILL).expect("its own child");
        assert!(process.ended_within(Duration::from_secs(10), &|| false));
    }

    #[test]
    fn what_is_not_postgresql_is_left_alone() {
        let postmaster = Postmaster::start();
        // A stale file: its number is somebody else's now.
        let me = std::process::id();
        fs::write(postmaster.data_dir().join("postmaster.pid"), format!("{me}\n")).expect("a file");
        let error = Process::of(Server::Postgres, &postmaster.node()).expect_err("that is this test");
        assert_eq!(error.to_string(), "PostgreSQL does not run on pg1");
        let elsewhere = Node { transport: Target::Netns("nowhere-at-all".to_owned()), ..postmaster.node() };
        let error = Process::of(Server::Patroni, &elsewhere).expect_err("no such namespace");
        assert!(error.to_string().contains("ip netns list"), "{error}");
        let silent = Node { data_dir: None, ..postmaster.node() };
        let error = Process::of(Server::Postgres, &silent).expect_err("no data directory");
        assert!(error.to_string().contains("add `data_dir`"), "{error}");
    }
}
