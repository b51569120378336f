//! A lab that is up.

use std::{collections::BTreeMap, fs, io, net::SocketAddr, ops::ControlFlow, path::PathBuf};

use rustix::process::Signal;

use super::{
    Host, LabError, LabName, Layout, Options, Progress, create, etcd, haproxy, network, patroni, process,
    remove, servers::Servers,
};
use crate::cluster::{EtcdEndpoints, HaproxyEndpoints, Inventory, LabFacts, Node, Observer, Postgres};

/// An embedded cluster that is up.
///
/// Dropping it changes nothing: the cluster stays until [`Lab::down`].
#[derive(Clone, Debug)]
pub struct Lab {
    layout: Layout,
    inventory: Inventory,
}

/// The processes of one machine; none where it does not run, or not now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pids {
    /// Patroni.
    pub patroni: Option<u32>,
    /// PostgreSQL's first process.
    pub postmaster: Option<u32>,
    /// etcd.
    pub etcd: Option<u32>,
    /// `HAProxy`.
    pub haproxy: Option<u32>,
}

impl Lab {
    /// Makes a lab and returns when it is healthy: one leader, two replicas that stream on its timeline, and
    /// `HAProxy` has found them. Everything that was made is removed again if that fails.
    ///
    /// `listener` hears how far it is, several times a second; with [`ControlFlow::Break`] it ends the
    /// attempt ([`LabError::Interrupted`]).
    pub fn up(
        options: &Options,
        listener: &mut (dyn FnMut(Progress) -> ControlFlow<()> + Send),
    ) -> Result<Self, LabError> {
        create::up(options, listener)
    }

    /// The lab of this name, if it is up.
    pub fn open(name: &LabName) -> Result<Self, LabError> {
        let layout = Layout::of(name);
        match presence(&layout) {
            Presence::Up => {}
            Presence::Partial => return Err(LabError::Remains(name.clone())),
            Presence::Absent => return Err(LabError::NotUp(name.clone())),
        }
        let inventory = Inventory::load(&layout.inventory())?;
        Ok(Self { layout, inventory })
    }

    pub(super) fn new(layout: Layout, inventory: Inventory) -> Self {
        Self { layout, inventory }
    }

    /// Its nodes and how to reach them.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Where it keeps what.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Removes it: every process in its namespaces, the namespaces, its state.
    pub fn down(self) -> Result<(), LabError> {
        Self::remove(self.layout.name()).map(drop)
    }

    /// Removes whatever there is of the lab of this name, up or half gone; says whether there was anything.
    pub fn remove(name: &LabName) -> Result<bool, LabError> {
        if !rustix::process::geteuid().is_root() {
            return Err(LabError::NotRoot);
        }
        let layout = Layout::of(name);
        let there = remove::remove(&layout)?;
        match fs::remove_dir_all(layout.failed()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(there),
            Err(source) => Err(LabError::File { what: "remove", path: layout.failed(), source }),
        }
    }

    /// The processes of a machine, each checked to live in its namespace.
    pub fn pids(&self, host: Host) -> Pids {
        let target = self.layout.target(host);
        let daemon = |name| process::pid_of(&self.layout.pid_file(host, name), &target);
        Pids {
            patroni: daemon("patroni"),
            postmaster: process::pid_of(&self.layout.data_dir(host).join("postmaster.pid"), &target),
            etcd: daemon("etcd"),
            haproxy: daemon("haproxy"),
        }
    }

    /// Sends a signal to a process, if it lives on that machine; says whether it was sent.
    pub fn signal(&self, host: Host, pid: u32, signal: Signal) -> Result<bool, LabError> {
        process::signal(pid, &[self.layout.target(host)], signal).map_err(|source| LabError::File {
            what: "signal",
            path: format!("/proc/{pid}").into(),
            source,
        })
    }

    /// Kills every process of a machine, as a power cut does.
    pub fn kill_host(&self, host: Host) -> Result<(), LabError> {
        process::kill_all(&[self.layout.target(host)])
    }

    /// Takes a machine's power: its link goes down first, so that nobody hears of the end of its processes.
    pub fn power_off(&self, host: Host) -> Result<(), LabError> {
        network::switch_power(&self.layout.target(host), false)?;
        self.kill_host(host)
    }

    /// Gives a PostgreSQL node its power back: its link, etcd if it has a member, and Patroni.
    pub fn power_on(&self, host: Host) -> Result<(), LabError> {
        network::switch_power(&self.layout.target(host), true)?;
        if self.etcd_members() == super::EtcdMembers::Three {
            self.start_etcd(host)?;
        }
        self.start_patroni(host)
    }

    /// Starts Patroni on a node; it starts PostgreSQL, or takes charge of the one that runs.
    pub fn start_patroni(&self, host: Host) -> Result<(), LabError> {
        let servers = self.servers()?;
        patroni::daemon(&self.layout, &servers, host).start(&self.layout, &servers).map(drop)
    }

    /// Starts the etcd member of a machine, on the data that it has.
    pub fn start_etcd(&self, host: Host) -> Result<(), LabError> {
        let servers = self.servers()?;
        let members = self.etcd_members();
        etcd::member(&self.layout, &servers, members, host).start(&self.layout, &servers).map(drop)
    }

    /// Starts `HAProxy`.
    pub fn start_haproxy(&self) -> Result<(), LabError> {
        let servers = self.servers()?;
        haproxy::daemon(&self.layout, &servers).start(&self.layout, &servers).map(drop)
    }

    /// The programs that it runs.
    pub(super) fn servers(&self) -> Result<Servers, LabError> {
        Servers::locate(self.inventory.lab.as_ref().map_or(Options::PATRONI, |lab| &lab.patroni))
    }

    pub(super) fn etcd_members(&self) -> super::EtcdMembers {
        match self.inventory.lab.as_ref().map(|lab| lab.etcd_members) {
            Some(3) => super::EtcdMembers::Three,
            _ => super::EtcdMembers::One,
        }
    }
}

/// The inventory of the lab that is up, to be used where none is named: the lab `default`, or else the only one.
pub fn default_inventory() -> Option<PathBuf> {
    let labs = list();
    let chosen = labs.iter().find(|name| name.is_default()).or(match labs.as_slice() {
        [only] => Some(only),
        _ => None,
    })?;
    Some(Layout::of(chosen).inventory())
}

/// The labs that are up.
pub fn list() -> Vec<LabName> {
    let folders = fs::read_dir(Layout::LABS).into_iter().flatten().flatten();
    let mut labs: Vec<LabName> = folders
        .filter_map(|folder| folder.file_name().to_str()?.parse().ok())
        .filter(|name| presence(&Layout::of(name)) == Presence::Up)
        .collect();
    labs.sort();
    labs
}

/// How much of a lab there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// Nothing.
    Absent,
    /// It has been healthy, and its namespaces are still there.
    Up,
    /// It is coming up, or something else took a part of it away: namespaces do not survive a restart.
    Partial,
}

/// Looks for a lab's state and its namespaces.
pub(super) fn presence(layout: &Layout) -> Presence {
    let targets = layout.targets();
    let namespaces = targets.iter().filter(|target| target.namespace_path().exists()).count();
    match (layout.inventory().is_file(), namespaces) {
        (true, found) if found == targets.len() => Presence::Up,
        (false, 0) if !layout.root().exists() => Presence::Absent,
        _ => Presence::Partial,
    }
}

/// What a lab's inventory says.
pub(super) fn inventory_of(layout: &Layout, options: &Options) -> Inventory {
    let at = |port| SocketAddr::new(Host::Ha.address().into(), port);
    let proxies = ["primary", "replica"].map(|proxy| (proxy.to_owned(), proxy.to_owned()));
    Inventory {
        scope: patroni::SCOPE.to_owned(),
        namespace: patroni::NAMESPACE.to_owned(),
        protect: Vec::new(),
        timings: options.timings,
        observer: Observer { transport: layout.target(Host::Mon) },
        postgres: Postgres {
            user: patroni::SUPERUSER.username.to_owned(),
            password: patroni::SUPERUSER.password.to_owned(),
            database: "postgres".to_owned(),
        },
        etcd: EtcdEndpoints { endpoints: options.etcd.endpoints() },
        haproxy: Some(HaproxyEndpoints {
            primary: at(haproxy::PRIMARY_PORT),
            replica: at(haproxy::REPLICA_PORT),
            stats_socket: layout.haproxy_socket(),
            proxies: BTreeMap::from(proxies),
        }),
        lab: Some(LabFacts {
            name: layout.name().to_string(),
            local: options.local,
            patroni: options.patroni.clone(),
            etcd_members: options.etcd.count(),
        }),
        nodes: Host::POSTGRES
            .into_iter()
            .map(|host| Node {
                name: host.name().to_owned(),
                transport: layout.target(host),
                address: host.address().into(),
                postgres_port: 5432,
                rest_port: 8008,
                socket_dir: Some(layout.socket_dir(host)),
                data_dir: Some(layout.data_dir(host)),
                patroni_log: Some(layout.log(host, "patroni")),
            })
            .collect(),
    }
}
