//! Bringing a lab up.

use std::{
    fs::{self, Permissions},
    io,
    ops::ControlFlow,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{
    ClusterView, Host, Lab, LabError, Layout, Options, Progress, Step,
    daemon::Running,
    etcd, haproxy,
    health::{self, Probe},
    lifecycle::{Presence, inventory_of, presence},
    network, patroni, remove,
    servers::Servers,
};
use crate::cluster::within;

/// Told how far the lab is; it may ask to stop.
pub(super) type Listener<'a> = &'a mut (dyn FnMut(Progress) -> ControlFlow<()> + Send);

/// How often the cluster is asked whether it is there yet.
const BEAT: Duration = Duration::from_millis(100);

/// How many lines of a log make it into an error.
const TAIL: usize = 12;

/// Makes the lab, or leaves nothing of it.
pub(super) fn up(options: &Options, listener: Listener<'_>) -> Result<Lab, LabError> {
    if !rustix::process::geteuid().is_root() {
        return Err(LabError::NotRoot);
    }
    let servers = Servers::locate(&options.patroni)?;
    let layout = Layout::of(&options.name);
    claim(&layout)?;

    let unfinished = Unfinished { layout: &layout };
    let mut birth =
        Birth { layout: &layout, servers, options, listener, started: Instant::now(), running: Vec::new() };
    match birth.run() {
        Ok(lab) => {
            std::mem::forget(unfinished);
            Ok(lab)
        }
        Err(error) => {
            if matches!(error, LabError::Died { .. } | LabError::Timeout { .. }) {
                remove::keep_logs(&layout);
            }
            Err(error)
        }
    }
}

/// Takes the lab's name: whoever makes its folder owns it.
fn claim(layout: &Layout) -> Result<(), LabError> {
    let name = || layout.name().clone();
    match presence(layout) {
        Presence::Absent => {}
        Presence::Up => return Err(LabError::Exists(name())),
        Presence::Partial => return Err(LabError::Remains(name())),
    }
    open_folder(Path::new(Layout::LABS))?;
    if !make_folder(&layout.root())? {
        // Another `up` was faster.
        return Err(LabError::Remains(name()));
    }
    let _ = fs::remove_dir_all(layout.failed());
    Ok(())
}

/// Makes a folder and those above it.
fn open_folder(path: &Path) -> Result<(), LabError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        open_folder(above)?;
    }
    make_folder(path).map(drop)
}

/// Makes a folder that the servers' user can pass, whatever umask root has; `false` if it is there already.
fn make_folder(path: &Path) -> Result<bool, LabError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        made => made
            .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)))
            .map(|()| true)
            .map_err(LabError::file("make", path)),
    }
}

/// Removes the lab when dropped: an error and a panic leave nothing behind.
struct Unfinished<'a> {
    layout: &'a Layout,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Err(error) = remove::remove(self.layout) {
            tracing::error!(%error, "a half-made lab could not be removed; `netsplit lab down` tries again");
        }
    }
}

/// A lab that is coming up.
struct Birth<'a> {
    layout: &'a Layout,
    servers: Servers,
    options: &'a Options,
    listener: Listener<'a>,
    started: Instant,
    running: Vec<Running>,
}

/// Why a step is not done yet.
struct Pending {
    /// What is there instead.
    seen: String,
    /// Whose log to read if it stays like that.
    blame: (&'static str, Host),
}

impl Birth<'_> {
    fn run(&mut self) -> Result<Lab, LabError> {
        self.tell(Step::Network)?;
        let layout = self.layout;
        network::create(layout)?;
        self.furnish()?;
        within(&layout.target(Host::Mon), || health::runtime()?.block_on(self.start()))??;
        let inventory = inventory_of(layout, self.options);
        inventory.save(&layout.inventory())?;
        Ok(Lab::new(layout.clone(), inventory))
    }

    /// Folders and configuration files.
    fn furnish(&self) -> Result<(), LabError> {
        let layout = self.layout;
        for host in Host::ALL {
            self.folder(&layout.home(host))?;
        }
        for host in Host::POSTGRES {
            self.folder(&layout.socket_dir(host))?;
            let config = patroni::Config::new(layout, &self.servers, self.options, host);
            self.write_json(&patroni::config_file(layout, host), &config)?;
        }
        self.write_json(&layout.patronictl_config(), &patroni::CtlConfig::new(self.options.etcd))?;
        let config = haproxy::config(layout, self.options.is_fast());
        self.write(&layout.home(Host::Ha).join("haproxy.cfg"), &config)
    }

    async fn start(&mut self) -> Result<(), LabError> {
        let probe = Probe::new();
        let layout = self.layout;

        self.tell(Step::Etcd)?;
        for host in self.options.etcd.hosts() {
            let member = etcd::member(layout, &self.servers, self.options.etcd, *host);
            self.running.push(member.start(layout, &self.servers)?);
        }
        // A Patroni that finds no etcd sleeps for five seconds.
        let endpoints = self.options.etcd.endpoints();
        let members = self.options.etcd.hosts();
        self.wait(Step::Etcd, async || etcd_is_ready(&probe, &endpoints, members).await).await?;

        for host in Host::POSTGRES {
            let daemon = patroni::daemon(layout, &self.servers, host);
            self.running.push(daemon.start(layout, &self.servers)?);
        }
        self.wait(Step::Leader, async || has_leader(&probe.cluster().await.unwrap_or_default())).await?;
        let timings = self.options.timings;
        self.wait(Step::Replicas, async || {
            let view = probe.cluster().await.unwrap_or_default();
            streams(&view)?;
            patroni::settle(&probe, timings).await.then_some(()).ok_or_else(|| Pending {
                seen: "Patroni does not take its timings".to_owned(),
                blame: ("patroni", Host::Pg1),
            })
        })
        .await?;

        self.is_the_patroni_asked_for(&probe).await?;

        // Last, so that its first check already finds every server as it is to stay.
        self.running.push(haproxy::daemon(layout, &self.servers).start(layout, &self.servers)?);
        self.wait(Step::Haproxy, async || {
            let view = probe.cluster().await.unwrap_or_default();
            haproxy_is_ready(&layout.haproxy_socket(), view.leader().map_or("nobody", |leader| &leader.name))
        })
        .await
    }

    /// What the inventory will say of Patroni's version is what Patroni says.
    async fn is_the_patroni_asked_for(&self, probe: &Probe) -> Result<(), LabError> {
        let asked = &self.options.patroni;
        match probe.version(Host::Pg1).await {
            Some(is) if is != *asked => Err(LabError::OtherPatroni {
                asked: asked.clone(),
                is,
                folder: Path::new(Layout::PATRONIS).join(asked),
            }),
            _ => Ok(()),
        }
    }

    /// Asks until it is done, the lab is interrupted, a daemon has died or patience is over.
    async fn wait(
        &mut self,
        step: Step,
        mut ask: impl AsyncFnMut() -> Result<(), Pending>,
    ) -> Result<(), LabError> {
        loop {
            self.tell(step)?;
            if let Some((dead, status)) = self.running.iter().find_map(|d| Some((d, d.ended()?))) {
                return Err(LabError::Died {
                    daemon: dead.to_string(),
                    status,
                    log: remove::kept(self.layout, dead.log()),
                    tail: tail(dead.log()),
                });
            }
            let Err(pending) = ask().await else { return Ok(()) };
            if self.started.elapsed() > self.options.patience {
                let (daemon, host) = pending.blame;
                let log = self.layout.log(host, daemon);
                return Err(LabError::Timeout {
                    step,
                    waited_s: self.options.patience.as_secs(),
                    seen: pending.seen,
                    daemon: format!("{daemon} on {host}"),
                    tail: tail(&log),
                    log: remove::kept(self.layout, &log),
                });
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    fn tell(&mut self, step: Step) -> Result<(), LabError> {
        match (self.listener)(Progress { step, elapsed: self.started.elapsed() }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(LabError::Interrupted),
        }
    }

    fn folder(&self, path: &Path) -> Result<(), LabError> {
        open_folder(path)?;
        self.give(path)
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), LabError> {
        fs::write(path, text).map_err(LabError::file("write", path))?;
        self.give(path)
    }

    fn write_json(&self, path: &Path, value: &impl Serialize) -> Result<(), LabError> {
        let text = serde_json::to_string_pretty(value)
            .map_err(io::Error::from)
            .map_err(LabError::file("write", path))?;
        self.write(path, &text)
    }

    /// Gives a file to the servers' user.
    fn give(&self, path: &Path) -> Result<(), LabError> {
        chown(path, Some(self.servers.user.uid), Some(self.servers.user.gid))
            .map_err(LabError::file("change the owner of", path))
    }
}

async fn etcd_is_ready(probe: &Probe, endpoints: &[String], hosts: &[Host]) -> Result<(), Pending> {
    for (endpoint, host) in endpoints.iter().zip(hosts) {
        if !probe.etcd_is_ready(endpoint).await {
            return Err(Pending { seen: format!("{endpoint} is not ready"), blame: ("etcd", *host) });
        }
    }
    Ok(())
}

fn has_leader(view: &ClusterView) -> Result<(), Pending> {
    match view.leader() {
        Some(leader) if leader.state == "running" => Ok(()),
        leader => {
            let host = leader.and_then(|leader| Host::named(&leader.name)).unwrap_or(Host::Pg1);
            Err(Pending { seen: view.words(), blame: ("patroni", host) })
        }
    }
}

fn streams(view: &ClusterView) -> Result<(), Pending> {
    if view.is_healthy() {
        return Ok(());
    }
    let well = |host: &Host| {
        view.members.iter().any(|member| {
            member.name == host.name() && (member.role == "leader" || view.streaming.contains(&member.name))
        })
    };
    let late = Host::POSTGRES.into_iter().find(|host| !well(host)).unwrap_or(Host::Pg1);
    Err(Pending { seen: view.words(), blame: ("patroni", late) })
}

fn haproxy_is_ready(socket: &Path, leader: &str) -> Result<(), Pending> {
    let amiss = haproxy::amiss(&haproxy::servers(socket).unwrap_or_default(), leader);
    if amiss.is_empty() {
        return Ok(());
    }
    Err(Pending { seen: amiss.join(", "), blame: ("haproxy", Host::Ha) })
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL);
    if lines.is_empty() {
        "    (it is empty)".to_owned()
    } else {
        format!("    {}", lines[from..].join("\n    "))
    }
}
