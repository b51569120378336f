//! Patroni's configuration, and the daemon that reads it.
//!
//! Written as JSON, which YAML contains. The settings are Patroni's own:
//! <https://patroni.readthedocs.io/en/latest/yaml_configuration.html>.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use super::{EtcdMembers, Host, Layout, Options, daemon::Daemon, health::Probe, servers::Servers};
use crate::cluster::{LocalConnection, Timings};

/// The cluster's name in the DCS.
pub(super) const SCOPE: &str = "netsplit";

/// The prefix of its keys.
pub(super) const NAMESPACE: &str = "/service/";

/// The role that the lab, and a person in it, logs in with.
pub(super) const SUPERUSER: Login = Login { username: "postgres", password: "netsplit" };

const REPLICATION: Login = Login { username: "replicator", password: "netsplit" };
const REWIND: Login = Login { username: "rewinder", password: "netsplit" };

/// A role and its password.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Login {
    pub username: &'static str,
    pub password: &'static str,
}

/// One node's `patroni.yml`.
#[derive(Debug, Serialize)]
pub(super) struct Config {
    scope: &'static str,
    namespace: &'static str,
    name: &'static str,
    restapi: RestApi,
    etcd3: Etcd,
    bootstrap: Bootstrap,
    postgresql: Postgresql,
}

/// What `patronictl` has to know.
#[derive(Debug, Serialize)]
pub(super) struct CtlConfig {
    scope: &'static str,
    namespace: &'static str,
    etcd3: Etcd,
}

#[derive(Debug, Serialize)]
struct RestApi {
    listen: String,
    connect_address: String,
}

#[derive(Debug, Serialize)]
struct Etcd {
    hosts: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Bootstrap {
    dcs: Dynamic,
    initdb: Vec<Value>,
}

/// The dynamic configuration: Patroni keeps it in the DCS once the cluster is there.
#[derive(Debug, Serialize)]
struct Dynamic {
    #[serde(flatten)]
    timings: Timings,
    maximum_lag_on_failover: u32,
    postgresql: DynamicPostgresql,
}

#[derive(Debug, Serialize)]
struct DynamicPostgresql {
    use_pg_rewind: bool,
    use_slots: bool,
    parameters: BTreeMap<&'static str, Value>,
}

#[derive(Debug, Serialize)]
struct Postgresql {
    listen: String,
    connect_address: String,
    data_dir: PathBuf,
    bin_dir: PathBuf,
    pgpass: PathBuf,
    use_unix_socket: bool,
    use_unix_socket_repl: bool,
    authentication: Authentication,
    basebackup: Vec<Value>,
    parameters: BTreeMap<&'static str, Value>,
    pg_hba: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Authentication {
    superuser: Login,
    replication: Login,
    rewind: Login,
}

impl Config {
    /// The configuration of one node.
    pub(super) fn new(layout: &Layout, servers: &Servers, options: &Options, host: Host) -> Self {
        let by_socket = options.local == LocalConnection::Socket;
        Self {
            scope: SCOPE,
            namespace: NAMESPACE,
            name: host.name(),
            restapi: RestApi {
                listen: "0.0.0.0:8008".to_owned(),
                connect_address: format!("{}:8008", host.address()),
            },
            etcd3: Etcd { hosts: options.etcd.addresses() },
            bootstrap: Bootstrap {
                dcs: Dynamic {
                    timings: hurried(options.timings),
                    maximum_lag_on_failover: 1 << 20,
                    postgresql: DynamicPostgresql {
                        use_pg_rewind: true,
                        use_slots: true,
                        parameters: BTreeMap::from([
                            ("wal_log_hints", json!("on")),
                            ("max_connections", json!(50)),
                            ("shared_buffers", json!("32MB")),
                            ("wal_keep_size", json!("128MB")),
                            (RETRY, json!("100ms")),
                        ]),
                    },
                },
                // Nothing here outlives a crash of the machine, so the first sync to disk is only waiting.
                initdb: vec![
                    json!({"encoding": "UTF8"}),
                    json!({"locale": "C.UTF-8"}),
                    json!("data-checksums"),
                    json!("no-sync"),
                ],
            },
            postgresql: Postgresql {
                listen: "0.0.0.0:5432".to_owned(),
                connect_address: format!("{}:5432", host.address()),
                data_dir: layout.data_dir(host),
                bin_dir: servers.postgres_bin.clone(),
                pgpass: layout.home(host).join("pgpass"),
                use_unix_socket: by_socket,
                use_unix_socket_repl: by_socket,
                authentication: Authentication {
                    superuser: SUPERUSER,
                    replication: REPLICATION,
                    rewind: REWIND,
                },
                // Without it pg_basebackup waits for the next checkpoint that is spread over minutes.
                basebackup: vec![json!({"checkpoint": "fast"}), json!("no-sync")],
                parameters: BTreeMap::from([
                    ("unix_socket_directories", json!(layout.socket_dir(host))),
                    // Files in the data directory go with it; segments in /dev/shm outlive a SIGKILL.
                    ("dynamic_shared_memory_type", json!("mmap")),
                    // PostgreSQL's words in a file of their own, Patroni's in theirs.
                    ("logging_collector", json!("on")),
                    ("log_directory", json!(layout.home(host))),
                    ("log_filename", json!("postgresql.log")),
                    ("log_file_mode", json!("0644")),
                    ("log_rotation_age", json!(0)),
                    ("log_rotation_size", json!(0)),
                    ("log_line_prefix", json!("%m [%p] %q%u@%d %h ")),
                ]),
                pg_hba: pg_hba(),
            },
        }
    }
}

impl CtlConfig {
    /// The same for every machine.
    pub(super) fn new(etcd: EtcdMembers) -> Self {
        Self { scope: SCOPE, namespace: NAMESPACE, etcd3: Etcd { hosts: etcd.addresses() } }
    }
}

/// The timings to begin with. A new replica waits a round or two for its turn: rounds of ten seconds would
/// make up most of a start. Only `loop_wait` differs, so no lease changes when [`settle`] ends the hurry.
fn hurried(timings: Timings) -> Timings {
    Timings { loop_wait: 1, ..timings }
}

/// A new replica asks for its slot before the leader has made it; by default it would ask again after 5 s.
const RETRY: &str = "wal_retrieve_retry_interval";

/// Gives a cluster that is complete the settings that it is to keep; says whether it took them.
pub(super) async fn settle(probe: &Probe, timings: Timings) -> bool {
    let kept = json!({"loop_wait": timings.loop_wait, "postgresql": {"parameters": {RETRY: null}}});
    probe.configure(Host::Pg1, &kept).await
}

/// Over the socket anybody, over TCP with a password: from the node itself and from the lab's network.
fn pg_hba() -> Vec<String> {
    let mut rules = vec!["local all all trust".to_owned(), "local replication all trust".to_owned()];
    for source in ["127.0.0.1/32", Host::NETWORK] {
        rules.push(format!("host all all {source} md5"));
        rules.push(format!("host replication {} {source} md5", REPLICATION.username));
    }
    rules
}

/// Where a node's configuration is.
pub(super) fn config_file(layout: &Layout, host: Host) -> PathBuf {
    layout.home(host).join("patroni.yml")
}

/// The Patroni of this machine.
pub(super) fn daemon(layout: &Layout, servers: &Servers, host: Host) -> Daemon {
    Daemon {
        name: "patroni",
        host,
        program: servers.patroni_bin.join("patroni"),
        args: vec![config_file(layout, host).into()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(options: &Options) -> String {
        let layout = Layout::of(&options.name);
        serde_json::to_string_pretty(&Config::new(&layout, &Servers::example(), options, Host::Pg1)).unwrap()
    }

    #[test]
    fn over_tcp_with_one_etcd() {
        insta::assert_snapshot!(json(&Options::default()));
    }

    #[test]
    fn over_the_socket_with_three_etcds_and_fast() {
        let options = Options {
            name: "two".parse().unwrap(),
            timings: Options::FAST_TIMINGS,
            local: LocalConnection::Socket,
            etcd: EtcdMembers::Three,
            ..Options::default()
        };
        insta::assert_snapshot!(json(&options));
    }

    #[test]
    fn patronictl_finds_every_etcd() {
        let config = |etcd| serde_json::to_string(&CtlConfig::new(etcd)).unwrap();
        insta::assert_snapshot!(
            config(EtcdMembers::One),
            @r#"{"scope":"netsplit","namespace":"/service/","etcd3":{"hosts":["10.88.0.20:2379"]}}"#
        );
        assert!(config(EtcdMembers::Three).contains("10.88.0.13:2379"));
    }
}
