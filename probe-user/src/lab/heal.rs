//! Bringing a lab that something was done to back to health, without touching what is well.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    ClusterView, Host, Lab, LabError, Options, Progress, etcd, haproxy,
    health::{self, Probe},
    network, process,
};
use crate::cluster::{Inventory, Postgres, within};

/// How often the cluster is asked whether it is well.
const BEAT: Duration = Duration::from_millis(100);

/// How long a cluster may take to become healthy again: two of its ttls, and what connections that a long cut left stuck
/// wait for their next retransmission, up to two minutes.
pub(crate) fn patience(cluster: Option<&Inventory>) -> Duration {
    let ttl = cluster.map(|cluster| cluster.timings.ttl()).unwrap_or_default();
    Duration::from_mins(2) + 2 * ttl
}

/// A lab that is healthy again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healed {
    /// How long that took; a few tens of milliseconds where nothing was amiss.
    pub took: Duration,
    /// What had to be done, in words such as `started Patroni on pg2`; empty where waiting was enough.
    pub mended: Vec<String>,
}

impl Lab {
    /// What it was made with.
    pub fn options(&self) -> Options {
        let facts = self.inventory().lab.as_ref();
        let plain = Options::default();
        Options {
            name: self.layout().name().clone(),
            timings: self.inventory().timings,
            local: facts.map_or(plain.local, |facts| facts.local),
            etcd: self.etcd_members(),
            patroni: facts.map_or_else(|| plain.patroni.clone(), |facts| facts.patroni.clone()),
            patience: plain.patience,
        }
    }

    /// Undoes what scenarios do to a lab, and waits until it is healthy as [`Lab::up`] leaves it: a leader that
    /// runs, two replicas that stream on its timeline and have all that it had written, all three as `HAProxy` has found them, and all three
    /// taking logins on the wire.
    ///
    /// Puts links up, lets stopped processes (SIGSTOP) go on, starts the etcd, Patroni and `HAProxy` that do not
    /// run, and ends maintenance mode. PostgreSQL is left to Patroni, cuts to whoever made them.
    ///
    /// After `patience` it is [`LabError::Unhealthy`], which says what is amiss; as soon as `stop` says so,
    /// [`LabError::NotHealed`]. What was mended until then stays.
    pub fn heal(&self, patience: Duration, stop: &(dyn Fn() -> bool + Sync)) -> Result<Healed, LabError> {
        let began = Instant::now();
        let mut mended = self.plug_in()?;
        mended.extend(self.let_go_on()?);
        within(&self.layout().target(Host::Mon), || {
            health::runtime()?.block_on(async {
                let probe = Probe::new();
                self.start_missing(&probe, &mut mended).await?;
                let mut paused = false;
                let mut written = None;
                loop {
                    if stop() {
                        return Err(LabError::NotHealed);
                    }
                    let view = probe.cluster().await;
                    if !paused && view.as_ref().is_some_and(|view| view.paused) {
                        paused = end_maintenance(&probe).await;
                        mended.extend(paused.then(|| "ended maintenance mode".to_owned()));
                        continue;
                    }
                    let mut amiss = self.amiss(&probe, view.as_ref()).await;
                    if let Some(view) = view.filter(|_| amiss.is_empty()) {
                        amiss = behind(&probe, &view, &mut written).await;
                    }
                    if amiss.is_empty() {
                        return Ok(Healed { took: began.elapsed(), mended: std::mem::take(&mut mended) });
                    }
                    if began.elapsed() > patience {
                        let name = self.layout().name().clone();
                        return Err(LabError::Unhealthy { name, waited_s: patience.as_secs(), amiss });
                    }
                    tokio::time::sleep(BEAT).await;
                }
            })
        })?
    }

    /// Takes it down and makes it anew: the same name, the same options, nothing of what was in it.
    ///
    /// `listener` is told as by [`Lab::up`]; where that fails, the lab is gone.
    pub fn rebuild(
        self,
        listener: &mut (dyn FnMut(Progress) -> std::ops::ControlFlow<()> + Send),
    ) -> Result<Self, LabError> {
        let options = self.options();
        self.down()?;
        Self::up(&options, listener)
    }

    fn plug_in(&self) -> Result<Vec<String>, LabError> {
        let mut mended = Vec::new();
        for host in Host::ALL {
            let target = self.layout().target(host);
            for interface in network::links_down(&target)? {
                network::switch_link(&target, interface, true)?;
                mended.push(format!("put {interface} of {host} up"));
            }
        }
        Ok(mended)
    }

    fn let_go_on(&self) -> Result<Vec<String>, LabError> {
        let mut mended = Vec::new();
        for host in Host::ALL {
            let target = self.layout().target(host);
            let mut names: Vec<String> = Vec::new();
            for pid in process::stopped_in(&target) {
                let name = process::name(pid);
                if self.signal(host, pid, Signal::CONT)? && !names.contains(&name) {
                    mended.push(format!("let {name} on {host} go on"));
                    names.push(name);
                }
            }
        }
        Ok(mended)
    }

    async fn start_missing(&self, probe: &Probe, mended: &mut Vec<String>) -> Result<(), LabError> {
        let members = self.etcd_members();
        let mut etcds = Vec::new();
        for host in members.hosts() {
            if self.pids(*host).etcd.is_none() {
                self.start_etcd(*host)?;
                mended.push(format!("started etcd on {host}"));
                etcds.push(etcd::endpoint(*host));
            }
        }
        // A Patroni that finds no etcd sleeps for five seconds.
        let deadline = Instant::now() + Duration::from_secs(5);
        for endpoint in etcds {
            while !probe.etcd_is_ready(&endpoint).await && Instant::now() < deadline {
                tokio::time::sleep(BEAT).await;
            }
        }
        for host in Host::POSTGRES {
            if self.pids(host).patroni.is_none() {
                self.start_patroni(host)?;
                mended.push(format!("started Patroni on {host}"));
            }
        }
        if self.pids(Host::Ha).haproxy.is_none() {
            self.start_haproxy()?;
            mended.push("started HAProxy".to_owned());
        }
        Ok(())
    }

    /// What is not as [`Lab::up`] leaves it, in words.
    async fn amiss(&self, probe: &Probe, view: Option<&ClusterView>) -> Vec<String> {
        let mut amiss = Vec::new();
        for host in self.etcd_members().hosts() {
            if !probe.etcd_is_ready(&etcd::endpoint(*host)).await {
                amiss.push(format!("etcd on {host} is not ready"));
            }
        }
        match view {
            None => amiss.push("no Patroni answers".to_owned()),
            Some(view) => {
                amiss.extend(view.paused.then(|| "Patroni is in maintenance mode".to_owned()));
                amiss.extend(view.amiss());
                let leader = view.leader().map_or("nobody", |leader| &leader.name);
                let servers = haproxy::servers(&self.layout().haproxy_socket()).unwrap_or_default();
                amiss.extend(haproxy::amiss(&servers, leader));
            }
        }
        let nodes = Host::POSTGRES.map(async |host| {
            let patroni = probe.postgres_runs(host).await;
            let login = takes_logins(host, &self.inventory().postgres).await;
            let words = [
                (patroni, format!("Patroni on {host} does not say that its PostgreSQL runs")),
                (login, format!("PostgreSQL on {host} takes no login on the wire")),
            ];
            words.into_iter().filter(|(well, _)| !well).map(|(_, words)| words).collect::<Vec<_>>()
        });
        amiss.extend(join_all(nodes).await.into_iter().flatten());
        amiss
    }
}

/// Which replicas have not received what the leader had written when this was first asked, in words.
///
/// PostgreSQL says `streaming` of a stream whose packets no longer arrive until its timeout, a minute: after a cut it may stand
/// still with all looking well, and the next leader would lack what was written meanwhile.
async fn behind(probe: &Probe, view: &ClusterView, written: &mut Option<(Host, u64)>) -> Vec<String> {
    let Some(leader) = view.leader().and_then(|leader| Host::named(&leader.name)) else {
        return vec!["nobody is the leader".to_owned()];
    };
    if written.is_none_or(|(host, _)| host != leader) {
        *written = probe.wal(leader).await.map(|end| (leader, end));
    }
    let Some((_, end)) = *written else {
        return vec![format!("Patroni on {leader} does not say how far its WAL goes")];
    };
    let mut behind = Vec::new();
    for host in Host::POSTGRES.into_iter().filter(|host| *host != leader) {
        if probe.wal(host).await.is_none_or(|received| received < end) {
            behind.push(format!("{host} has not received all that {leader} has written"));
        }
    }
    behind
}

/// Asks the first Patroni that listens; says whether one did.
async fn end_maintenance(probe: &Probe) -> bool {
    for host in Host::POSTGRES {
        if probe.configure(host, &json!({"pause": Value::Null})).await {
            return true;
        }
    }
    false
}

/// Whether PostgreSQL lets the lab's own role in, over the lab's network.
async fn takes_logins(host: Host, login: &Postgres) -> bool {
    let mut config = login.login();
    config.host(host.address().to_string());
    let session = tokio::time::timeout(Probe::PATIENCE, config.connect(tokio_postgres::NoTls)).await;
    // Dropped at once: PostgreSQL sees a client that is gone.
    session.is_ok_and(|session| session.is_ok())
}
