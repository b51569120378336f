//! etcd: one member on a machine of its own, or one beside each PostgreSQL.

use std::fmt::Write;

use super::{EtcdMembers, Host, Layout, daemon::Daemon, servers::Servers};

/// The port for clients.
const CLIENT_PORT: u16 = 2379;

/// The port for other members.
const PEER_PORT: u16 = 2380;

impl EtcdMembers {
    /// The machines that run a member.
    pub(super) fn hosts(self) -> &'static [Host] {
        match self {
            Self::One => &[Host::Dcs],
            Self::Three => &Host::POSTGRES,
        }
    }

    /// `ADDRESS:PORT` of each member.
    pub(super) fn addresses(self) -> Vec<String> {
        self.hosts().iter().map(|host| format!("{}:{CLIENT_PORT}", host.address())).collect()
    }

    /// The URL of each member.
    pub(super) fn endpoints(self) -> Vec<String> {
        self.hosts().iter().map(|host| endpoint(*host)).collect()
    }
}

/// The URL of the member on this machine.
pub(super) fn endpoint(host: Host) -> String {
    format!("http://{}:{CLIENT_PORT}", host.address())
}

/// The member on this machine.
pub(super) fn member(layout: &Layout, servers: &Servers, members: EtcdMembers, host: Host) -> Daemon {
    let client = endpoint(host);
    let peer = format!("http://{}:{PEER_PORT}", host.address());
    let options = [
        ("--name", host.name().to_owned()),
        ("--data-dir", layout.home(host).join("etcd").display().to_string()),
        ("--listen-client-urls", format!("{client},http://127.0.0.1:{CLIENT_PORT}")),
        ("--advertise-client-urls", client),
        ("--listen-peer-urls", peer.clone()),
        ("--initial-advertise-peer-urls", peer),
        ("--initial-cluster", initial_cluster(members)),
        ("--initial-cluster-token", layout.name().to_string()),
        ("--initial-cluster-state", "new".to_owned()),
        ("--heartbeat-interval", "100".to_owned()),
        ("--election-timeout", "1000".to_owned()),
    ];
    let args = options.into_iter().flat_map(|(option, value)| [option.into(), value.into()]).collect();
    Daemon { name: "etcd", host, program: servers.etcd.clone(), args }
}

fn initial_cluster(members: EtcdMembers) -> String {
    members.hosts().iter().fold(String::new(), |mut list, host| {
        let comma = if list.is_empty() { "" } else { "," };
        let _ = write!(list, "{comma}{host}=http://{}:{PEER_PORT}", host.address());
        list
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_members_know_each_other() {
        assert_eq!(initial_cluster(EtcdMembers::One), "dcs=http://10.88.0.20:2380");
        assert_eq!(
            initial_cluster(EtcdMembers::Three),
            "pg1=http://10.88.0.11:2380,pg2=http://10.88.0.12:2380,pg3=http://10.88.0.13:2380"
        );
        assert_eq!(EtcdMembers::Three.endpoints().len(), 3);
    }
}
