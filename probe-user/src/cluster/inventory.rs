//! The file that names a cluster's nodes and how to reach each.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use miette::{Diagnostic, NamedSource, SourceSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Protected, Target};

/// A cluster: its nodes, the services around them, and where to watch from.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// Patroni's `scope`: the cluster's name.
    pub scope: String,
    /// Patroni's `namespace`: the prefix of its keys in etcd, such as `/service/`.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Addresses that no cut may touch, such as `10.0.0.0/24:22`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<Protected>,
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
    #[schemars(length(min = 1))]
    pub nodes: Vec<Node>,
}

/// Why an inventory cannot be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum InventoryError {
    /// The file cannot be read.
    #[error("cannot read the inventory {}", path.display())]
    #[diagnostic(help(
        "`netsplit lab up` makes a cluster and its inventory; `--cluster FILE` names another"
    ))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the inventory {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not an inventory, or one that contradicts itself.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Content(#[from] Box<InventoryMistake>),
}

/// A mistake in an inventory's text.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub struct InventoryMistake {
    /// What is wrong.
    pub message: String,
    /// The way out.
    #[help]
    pub help: Option<String>,
    /// The file's text.
    #[source_code]
    pub text: NamedSource<String>,
    /// Where.
    #[label("here")]
    pub span: Option<SourceSpan>,
}

/// A contradiction in an inventory: what, the way out, and the value that it is about.
struct Contradiction {
    message: String,
    help: &'static str,
    value: String,
}

impl Inventory {
    /// Reads and validates an inventory.
    pub fn load(path: &Path) -> Result<Self, InventoryError> {
        let text = fs::read_to_string(path)
            .map_err(|source| InventoryError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Parses and validates an inventory; `name` is the file's name in errors.
    pub fn parse(text: &str, name: &str) -> Result<Self, InventoryError> {
        let mistake = |message, help, span| {
            let text = NamedSource::new(name, text.to_owned()).with_language("toml");
            Box::new(InventoryMistake { message, help, text, span })
        };
        let inventory: Self = toml::from_str(text)
            .map_err(|error| mistake(error.message().to_owned(), None, error.span().map(Into::into)))?;
        if let Some(found) = inventory.contradiction() {
            // The last place that says it: of two equal values the second one is too many.
            let quoted = format!("\"{}\"", found.value);
            let place = |value: &str| text.rfind(value).map(|at| (at, value.len()).into());
            let span = place(&quoted).or_else(|| place(&found.value));
            return Err(mistake(found.message, Some(found.help.to_owned()), span).into());
        }
        Ok(inventory)
    }

    /// Writes it whole or not at all.
    pub fn save(&self, path: &Path) -> Result<(), InventoryError> {
        let write = |source| InventoryError::Write { path: path.to_owned(), source };
        let text = toml::to_string_pretty(self).map_err(|error| write(io::Error::other(error)))?;
        let draft = path.with_extension("toml.new");
        fs::write(&draft, text).and_then(|()| fs::rename(&draft, path)).map_err(write)
    }

    /// The nodes' names, in the inventory's order.
    pub fn names(&self) -> Vec<&str> {
        self.nodes.iter().map(|node| node.name.as_str()).collect()
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    fn contradiction(&self) -> Option<Contradiction> {
        let found =
            |message, help, value: &str| Some(Contradiction { message, help, value: value.to_owned() });
        if self.nodes.is_empty() {
            return found(
                "an inventory needs at least one [[node]]".to_owned(),
                "add the PostgreSQL nodes",
                "",
            );
        }
        let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        for Node { name, address, .. } in &self.nodes {
            let reserved = ["", "*", "local"].contains(&name.as_str()) || name.starts_with('@');
            if reserved {
                let help = "policies use `local`, `*` and names with `@` for something else: call it as Patroni does";
                return found(format!("`{name}` cannot be a node's name"), help, name);
            }
            if !names.insert(name) {
                return found(
                    format!("two nodes are named `{name}`"),
                    "each node needs a name of its own",
                    name,
                );
            }
            if !addresses.insert(address) {
                let message = format!("two nodes have the address {address}");
                return found(message, "each node needs an address of its own", &address.to_string());
            }
        }
        if self.timings.ttl == 0 || self.timings.loop_wait == 0 {
            let help = "copy the timings from `patronictl show-config`, in seconds";
            return found("`ttl` and `loop_wait` cannot be 0".to_owned(), help, "timings");
        }
        let urls = self.etcd.endpoints.iter();
        if let Some(odd) = urls.clone().find(|url| !url.starts_with("http://")) {
            let help = "write it like `http://10.0.0.1:2379`; TLS is not supported";
            return found(format!("`{odd}` is not an etcd endpoint that netsplit can watch"), help, odd);
        }
        None
    }
}

/// One PostgreSQL node under Patroni.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The member name that Patroni uses.
    #[schemars(regex(pattern = "^[^@]"))]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timings {
    /// How long the leader key lives without renewal.
    #[schemars(range(min = 1))]
    pub ttl: u64,
    /// How long Patroni sleeps between two rounds.
    #[schemars(range(min = 1))]
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
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observer {
    /// The place that probes and client writes start from.
    pub transport: Target,
}

/// How to log in to PostgreSQL, over TCP and over the Unix socket.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// The role; it needs to create and write one table.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The database.
    pub database: String,
}

impl Postgres {
    /// A session's settings but for where it goes to.
    pub(crate) fn login(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.user(&self.user).password(&self.password).dbname(&self.database).application_name("netsplit");
        config
    }
}

/// etcd's client endpoints.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EtcdEndpoints {
    /// URLs such as `http://10.88.0.20:2379`.
    #[schemars(inner(regex(pattern = "^http://")))]
    pub endpoints: Vec<String>,
}

/// `HAProxy`: where clients write, and where its own view can be read.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize, clap::ValueEnum)]
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

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
scope = "main"
[timings]
ttl = 30
loop_wait = 10
retry_timeout = 10
[observer]
transport = "local"
[postgres]
user = "postgres"
password = "x"
database = "postgres"
[etcd]
endpoints = ["http://10.0.0.9:2379"]
[[node]]
name = "a"
transport = "netns:a"
address = "10.0.0.1"
[[node]]
name = "b"
transport = "netns:b"
address = "10.0.0.2"
"#;

    #[test]
    fn an_inventory_has_defaults_and_survives_a_round_trip() {
        let text = format!("protect = ['192.0.2.10', '10.0.0.0/24:22']\n{GOOD}");
        let inventory = Inventory::parse(&text, "x.toml").unwrap();
        assert_eq!(inventory.protect.len(), 2);
        assert_eq!((inventory.namespace.as_str(), inventory.nodes[0].rest_port), ("/service/", 8008));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("inventory.toml");
        inventory.save(&file).unwrap();
        assert_eq!(Inventory::load(&file).unwrap(), inventory);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays");
    }

    #[test]
    fn mistakes_point_at_their_place() {
        for (from, to, message, place) in [
            ("name = \"b\"", "name = \"a\"", "two nodes are named `a`", "\"a\""),
            ("10.0.0.2", "10.0.0.1", "two nodes have the address 10.0.0.1", "\"10.0.0.1\""),
            ("name = \"b\"", "name = \"@leader\"", "`@leader` cannot be a node's name", "\"@leader\""),
            ("http:", "https:", "`https://10.0.0.9:2379` is not an etcd endpoint", "\"https:"),
            ("ttl = 30", "ttl = 0", "`ttl` and `loop_wait` cannot be 0", "timings"),
            ("netns:b", "b", "`b` is not a target", "\"b\""),
            ("scope =", "protect = ['db1']\nscope =", "`db1` is not an address to protect", "['db1']"),
            ("ttl = 30", "ttk = 30", "unknown field `ttk`", "ttk"),
        ] {
            let text = GOOD.replace(from, to);
            let InventoryError::Content(mistake) = Inventory::parse(&text, "x.toml").unwrap_err() else {
                panic!("{message}")
            };
            let (shown, span) = (mistake.message, mistake.span.unwrap());
            assert!(shown.starts_with(message), "{shown}");
            assert!(text[span.offset()..].starts_with(place), "{shown}: {}", &text[span.offset()..]);
        }
    }

    #[test]
    fn a_cluster_without_nodes_is_none() {
        let text = format!("node = []\n{}", GOOD.split("[[node]]").next().unwrap());
        assert!(Inventory::parse(&text, "x.toml").unwrap_err().to_string().contains("at least one [[node]]"));
    }
}
