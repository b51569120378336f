//! What a lab looks like now.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Host, Lab, LabError, ProxyServer, haproxy,
    health::{self, Probe},
};
use crate::cluster::within;

/// A lab at one moment.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct LabStatus {
    /// The version of this format.
    pub schema: u32,
    /// The lab's name.
    pub name: String,
    /// The inventory's path.
    pub inventory: String,
    /// The member that holds the leader key.
    pub leader: Option<String>,
    /// The version of Patroni that it was made with.
    pub patroni: String,
    /// Whether Patroni is in maintenance mode: nobody is promoted, and nothing is started again.
    pub paused: bool,
    /// Whether there are a leader and two replicas that stream on its timeline.
    pub healthy: bool,
    /// Its machines.
    pub hosts: Vec<HostStatus>,
    /// `HAProxy`'s view of the nodes; empty if it does not answer.
    pub haproxy: Vec<ProxyServer>,
}

/// One machine at one moment.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct HostStatus {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// What `ip netns` calls it.
    pub namespace: String,
    /// Its role in Patroni's list.
    pub role: Option<String>,
    /// Its state in Patroni's list.
    pub state: Option<String>,
    /// Its timeline in Patroni's list.
    pub timeline: Option<u64>,
    /// Patroni's process.
    pub patroni_pid: Option<u32>,
    /// PostgreSQL's first process.
    pub postgres_pid: Option<u32>,
    /// etcd's process.
    pub etcd_pid: Option<u32>,
    /// `HAProxy`'s process.
    pub haproxy_pid: Option<u32>,
}

impl Lab {
    /// Looks at every machine, at Patroni's list and at `HAProxy`.
    pub fn status(&self) -> Result<LabStatus, LabError> {
        let view = within(&self.layout().target(Host::Mon), || {
            Ok::<_, LabError>(health::runtime()?.block_on(Probe::new().cluster()).unwrap_or_default())
        })??;
        let hosts = Host::ALL
            .into_iter()
            .map(|host| {
                let member = view.members.iter().find(|member| member.name == host.name());
                let pids = self.pids(host);
                HostStatus {
                    name: host.to_string(),
                    address: host.address().to_string(),
                    namespace: self.layout().target(host).to_string(),
                    role: member.map(|member| member.role.clone()),
                    state: member.map(|member| member.state.clone()),
                    timeline: member.and_then(|member| member.timeline),
                    patroni_pid: pids.patroni,
                    postgres_pid: pids.postmaster,
                    etcd_pid: pids.etcd,
                    haproxy_pid: pids.haproxy,
                }
            })
            .collect();
        Ok(LabStatus {
            schema: 1,
            name: self.layout().name().to_string(),
            inventory: self.layout().inventory().display().to_string(),
            leader: view.leader().map(|leader| leader.name.clone()),
            patroni: self.options().patroni,
            paused: view.paused,
            healthy: view.is_healthy(),
            hosts,
            haproxy: haproxy::servers(&self.layout().haproxy_socket()).unwrap_or_default(),
        })
    }
}
