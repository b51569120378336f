//! Where a lab keeps what: folders, files and names of namespaces.

use std::path::{Path, PathBuf};

use super::{Host, LabName};
use crate::cluster::Target;

/// Every path and name of one lab. Pure: nothing here touches the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    name: LabName,
}

impl Layout {
    /// The folder that holds every lab's state.
    pub const LABS: &'static str = "/var/lib/netsplit/lab";

    /// The folder that holds a virtual environment for each version of Patroni.
    pub const PATRONIS: &'static str = "/var/lib/netsplit/patroni";

    /// The layout of the lab of this name.
    pub fn of(name: &LabName) -> Self {
        Self { name: name.clone() }
    }

    /// The lab's name.
    pub fn name(&self) -> &LabName {
        &self.name
    }

    /// The lab's own folder.
    pub fn root(&self) -> PathBuf {
        Path::new(Self::LABS).join(self.name.as_str())
    }

    /// Where logs are kept when an `up` fails.
    pub fn failed(&self) -> PathBuf {
        Path::new(Self::LABS).join(format!("{}.failed", self.name))
    }

    /// The inventory: written last, so that it is there when the lab is up.
    pub fn inventory(&self) -> PathBuf {
        self.root().join("inventory.toml")
    }

    /// What `patronictl` needs to find the cluster.
    pub fn patronictl_config(&self) -> PathBuf {
        self.root().join("patronictl.yml")
    }

    /// A machine's folder.
    pub fn home(&self, host: Host) -> PathBuf {
        self.root().join(host.name())
    }

    /// PostgreSQL's data directory.
    pub fn data_dir(&self, host: Host) -> PathBuf {
        self.home(host).join("data")
    }

    /// PostgreSQL's Unix socket folder.
    pub fn socket_dir(&self, host: Host) -> PathBuf {
        self.home(host).join("run")
    }

    /// A daemon's log.
    pub fn log(&self, host: Host, daemon: &str) -> PathBuf {
        self.home(host).join(format!("{daemon}.log"))
    }

    /// The file with a daemon's process id.
    pub fn pid_file(&self, host: Host, daemon: &str) -> PathBuf {
        self.home(host).join(format!("{daemon}.pid"))
    }

    /// `HAProxy`'s admin socket.
    pub fn haproxy_socket(&self) -> PathBuf {
        self.home(Host::Ha).join("haproxy.sock")
    }

    /// A machine's network namespace.
    pub fn target(&self, host: Host) -> Target {
        self.namespace(host.name())
    }

    /// The network namespace with the bridge.
    pub fn switch(&self) -> Target {
        self.namespace("sw")
    }

    /// Every network namespace of the lab.
    pub fn targets(&self) -> Vec<Target> {
        let mut targets = vec![self.switch()];
        targets.extend(Host::ALL.map(|host| self.target(host)));
        targets
    }

    /// The last part has no hyphen, so no two labs can mean the same namespace.
    fn namespace(&self, last: &str) -> Target {
        Target::Netns(if self.name.is_default() {
            format!("netsplit-{last}")
        } else {
            format!("netsplit-{}-{last}", self.name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_lab_has_the_short_names() {
        let layout = Layout::of(&LabName::default());
        assert_eq!(layout.target(Host::Pg1).to_string(), "netns:netsplit-pg1");
        assert_eq!(layout.switch().to_string(), "netns:netsplit-sw");
        assert_eq!(layout.inventory(), Path::new("/var/lib/netsplit/lab/default/inventory.toml"));
    }

    #[test]
    fn the_longest_name_still_fits_a_unix_socket() {
        let layout = Layout::of(&"n".repeat(32).parse().unwrap());
        // PostgreSQL adds `.lock` to its socket's name; HAProxy binds to a temporary name first.
        for socket in [
            layout.socket_dir(Host::Pg1).join(".s.PGSQL.5432.lock"),
            layout.haproxy_socket().with_extension("sock.12345678.tmp"),
        ] {
            assert!(socket.as_os_str().len() < 107, "{}", socket.display());
        }
    }

    #[test]
    fn two_labs_share_no_namespace() {
        let (one, two) = (Layout::of(&LabName::default()), Layout::of(&"pg1".parse().unwrap()));
        assert!(one.targets().iter().all(|target| !two.targets().contains(target)));
    }
}
