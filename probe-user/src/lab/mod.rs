//! The embedded cluster: three Patroni nodes, etcd, `HAProxy` and an observer in network namespaces.
//!
//! [`Lab::up`] makes everything and returns when the cluster is healthy; [`Lab::down`] leaves no trace.
//! Each machine of the cluster is a [`Host`]: a network namespace with one interface on a common bridge.
//! Nothing appears in the caller's own network namespace.

mod create;
mod daemon;
mod enter;
mod error;
mod etcd;
mod haproxy;
mod heal;
mod health;
mod host;
mod layout;
mod lifecycle;
mod network;
mod occupied;
mod options;
mod patroni;
mod process;
mod remove;
mod servers;
mod status;

pub use error::LabError;
pub use haproxy::ProxyServer;
pub use heal::Healed;
pub(crate) use heal::patience;
pub use health::{ClusterView, MemberView};
pub use host::Host;
pub use layout::Layout;
pub use lifecycle::{Lab, Pids, default_inventory, list};
pub use occupied::Occupied;
pub use options::{EtcdMembers, LabName, Options, Progress, Step};
pub use status::{HostStatus, LabStatus};

/// The programs that a lab needs and this machine lacks.
pub fn missing_servers() -> Vec<String> {
    match servers::Servers::locate(Options::PATRONI) {
        Err(LabError::Missing { what, .. }) => what,
        _ => Vec::new(),
    }
}
