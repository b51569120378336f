//! The machines of the embedded cluster.

use std::{fmt, net::Ipv4Addr};

/// A machine of the lab: a network namespace with an address of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Host {
    /// The first PostgreSQL node.
    Pg1,
    /// The second PostgreSQL node.
    Pg2,
    /// The third PostgreSQL node.
    Pg3,
    /// The distributed configuration store: etcd, when it has one member.
    Dcs,
    /// The load balancer: `HAProxy`.
    Ha,
    /// Where the outside view is taken from.
    Mon,
}

impl Host {
    /// The nodes that run PostgreSQL under Patroni.
    pub const POSTGRES: [Self; 3] = [Self::Pg1, Self::Pg2, Self::Pg3];

    /// Every machine.
    pub const ALL: [Self; 6] = [Self::Pg1, Self::Pg2, Self::Pg3, Self::Dcs, Self::Ha, Self::Mon];

    /// Its name, such as `pg1`: also the name of the Patroni member.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pg1 => "pg1",
            Self::Pg2 => "pg2",
            Self::Pg3 => "pg3",
            Self::Dcs => "dcs",
            Self::Ha => "ha",
            Self::Mon => "mon",
        }
    }

    /// Its address on the lab's only network, [`Self::NETWORK`].
    pub fn address(self) -> Ipv4Addr {
        let last = match self {
            Self::Pg1 => 11,
            Self::Pg2 => 12,
            Self::Pg3 => 13,
            Self::Dcs => 20,
            Self::Ha => 30,
            Self::Mon => 40,
        };
        Ipv4Addr::new(10, 88, 0, last)
    }

    /// The lab's network; it exists in the lab's namespaces only, so two labs may both have it.
    pub const NETWORK: &'static str = "10.88.0.0/24";

    /// The prefix length of [`Self::NETWORK`].
    pub(super) const PREFIX: u8 = 24;

    /// The PostgreSQL node or machine of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|host| host.name() == name)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
