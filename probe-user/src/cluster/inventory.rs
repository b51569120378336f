//! The file that names a cluster's nodes and how to reach each.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::Target;

/// A cluster: its nodes, the services around them, and where to watch from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// Patroni's `scope`: the cluster's name.
    pub scope: String,
    /// Patroni's `namespace`: the prefix of its keys in etcd, such as `/service/`.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Patroni's own timings; bounds in scenarios are written in terms of these.
    pub timings: Timings,
    /// Where the outside view is taken from.
    pub observer: Observer,
    /// How to log in to PostgreSQL.
    pub postgres: Postgres,
    /// The distributed configuration store.
    pub etcd: EtcdEndpoints,
    /// The load balancer, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub haproxy: Option<HaproxyEndpoints>,
    /// Set when `netsplit lab` made the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lab: Option<LabFacts>,
    /// The PostgreSQL nodes.
    #[serde(rename = "node")]
    pub nodes: Vec<Node>,
}

/// One PostgreSQL node under Patroni.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The member name that Patroni uses.
    pub name: String,
    /// How to reach the node's inside.
    pub transport: Target,
    /// The address that its peers use.
    pub address: IpAddr,
    /// PostgreSQL's TCP port.
    #[serde(default = "default_postgres_port")]
    pub postgres_port: u16,
    /// The port of Patroni's REST API.
    #[serde(default = "default_rest_port")]
    pub rest_port: u16,
    /// PostgreSQL's Unix socket folder: the view from inside, out of a cut's reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket_dir: Option<PathBuf>,
    /// PostgreSQL's data directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// Patroni's log file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patroni_log: Option<PathBuf>,
}

/// Patroni's timings, as in its dynamic configuration, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timings {
    /// How long the leader key lives without renewal.
    pub ttl: u64,
    /// How long Patroni sleeps between two rounds.
    pub loop_wait: u64,
    /// How long Patroni retries the DCS and PostgreSQL.
    pub retry_timeout: u64,
}

impl Timings {
    /// `ttl` as a duration.
    pub fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl)
    }

    /// `loop_wait` as a duration.
    pub fn loop_wait(&self) -> Duration {
        Duration::from_secs(self.loop_wait)
    }
}

/// Where the outside view is taken from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observer {
    /// The place that probes and client writes start from.
    pub transport: Target,
}

/// How to log in to PostgreSQL, over TCP and over the Unix socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// The role; it needs to create and write one table.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The database.
    pub database: String,
}

/// etcd's client endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EtcdEndpoints {
    /// URLs such as `http://10.88.0.20:2379`.
    pub endpoints: Vec<String>,
}

/// `HAProxy`: where clients write, and where its own view can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HaproxyEndpoints {
    /// Where clients connect to reach the primary.
    pub primary: SocketAddr,
    /// Where clients connect to reach a replica.
    pub replica: SocketAddr,
    /// The admin socket (`stats socket`), on this machine.
    pub stats_socket: PathBuf,
    /// The proxies' names in `HAProxy`'s configuration, by what they lead to (`primary`, `replica`).
    pub proxies: BTreeMap<String, String>,
}

/// What the embedded lab was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabFacts {
    /// The lab's name.
    pub name: String,
    /// How Patroni reaches its own PostgreSQL.
    pub local: LocalConnection,
    /// Patroni's version.
    pub patroni: String,
    /// How many etcd members.
    pub etcd_members: u8,
}

/// How Patroni reaches its own PostgreSQL: it decides whether a cut of 5432 loses the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LocalConnection {
    /// By TCP on 127.0.0.1.
    Tcp,
    /// By the Unix socket.
    Socket,
}

fn default_namespace() -> String {
    "/service/".to_owned()
}

fn default_postgres_port() -> u16 {
    5432
}

fn default_rest_port() -> u16 {
    8008
}
