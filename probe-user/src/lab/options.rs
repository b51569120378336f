//! What a lab can be asked for, and how it says how far it is.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    str::FromStr,
    time::Duration,
};

use super::LabError;
use crate::cluster::{LocalConnection, Timings};

/// A lab's name: lower-case letters, digits and hyphens, 32 at most.
///
/// The bound keeps Unix socket paths under the 107 bytes that `sockaddr_un` has room for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabName(String);

impl LabName {
    /// The longest name.
    pub(crate) const LONGEST: usize = 32;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This name with more behind it. Where that would be too long it is shortened, with a number that tells it from the
    /// short forms of others.
    pub(crate) fn with(&self, more: &str) -> Self {
        let full = format!("{self}-{more}");
        if full.len() <= Self::LONGEST {
            return Self(full);
        }
        let mut hasher = DefaultHasher::new();
        full.hash(&mut hasher);
        let number = hasher.finish() & u64::from(u32::MAX);
        let short: String = format!("side-{number:08x}-{more}").chars().take(Self::LONGEST).collect();
        Self(short.trim_end_matches('-').to_owned())
    }

    /// Whether it is the lab that one gets without naming one.
    pub fn is_default(&self) -> bool {
        self.0 == "default"
    }
}

impl Default for LabName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl FromStr for LabName {
    type Err = LabError;

    fn from_str(text: &str) -> Result<Self, LabError> {
        let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if text.is_empty() || text.len() > Self::LONGEST || text.starts_with('-') || !letters {
            return Err(LabError::BadName(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for LabName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How many members etcd has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum EtcdMembers {
    /// One, on a machine of its own.
    #[value(name = "1")]
    One,
    /// Three, one beside each PostgreSQL: losing two nodes loses the quorum.
    #[value(name = "3")]
    Three,
}

impl EtcdMembers {
    /// The number.
    pub fn count(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Three => 3,
        }
    }
}

/// What a lab is asked to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name; two labs with different names do not touch each other.
    pub name: LabName,
    /// Patroni's timings.
    pub timings: Timings,
    /// How Patroni reaches its own PostgreSQL.
    pub local: LocalConnection,
    /// How many members etcd has.
    pub etcd: EtcdMembers,
    /// Patroni's version: a virtual environment of that name has to be there.
    pub patroni: String,
    /// How long the cluster may take to become healthy.
    pub patience: Duration,
}

impl Options {
    /// The Patroni that `cargo xtask setup` installs.
    pub const PATRONI: &'static str = "4.1.5";

    /// Patroni's own defaults.
    pub const DEFAULT_TIMINGS: Timings = Timings { ttl: 30, loop_wait: 10, retry_timeout: 10 };

    /// The shortest that Patroni 4 takes: it wants `ttl` ≥ 20 and `loop_wait` + 2 × `retry_timeout` ≤ `ttl`.
    pub const FAST_TIMINGS: Timings = Timings { ttl: 20, loop_wait: 1, retry_timeout: 3 };

    /// Whether the timings are shorter than Patroni's own defaults; `HAProxy`'s follow them.
    pub(super) fn is_fast(&self) -> bool {
        self.timings.loop_wait < Self::DEFAULT_TIMINGS.loop_wait
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: LabName::default(),
            timings: Self::DEFAULT_TIMINGS,
            local: LocalConnection::Tcp,
            etcd: EtcdMembers::One,
            patroni: Self::PATRONI.to_owned(),
            patience: Duration::from_secs(90),
        }
    }
}

/// What is being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Namespaces, links and addresses.
    Network,
    /// etcd answers.
    Etcd,
    /// A Patroni has initialised PostgreSQL and holds the leader key.
    Leader,
    /// The other two stream from it.
    Replicas,
    /// `HAProxy` has found the primary and the replicas.
    Haproxy,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Network => "network namespaces",
            Self::Etcd => "etcd",
            Self::Leader => "a leader",
            Self::Replicas => "two streaming replicas",
            Self::Haproxy => "HAProxy",
        })
    }
}

/// How far a lab is; told at every step and, while waiting, several times a second.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is being waited for.
    pub step: Step,
    /// Since the beginning.
    pub elapsed: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_more_behind_it_stays_a_name_and_one_of_its_own() {
        let name = |text: &str| text.parse::<LabName>().expect("a good name");
        assert_eq!(name("a").with("socket").as_str(), "a-socket");
        let long = "n".repeat(31);
        let short = [(long.as_str(), "1"), (&long, "2"), (&"m".repeat(32), "1"), ("m", &"9".repeat(40))]
            .map(|(text, more)| name(text).with(more));
        for (index, one) in short.iter().enumerate() {
            assert_eq!(&name(one.as_str()), one, "a good name, too");
            assert!(!short[..index].contains(one), "{one}");
        }
        assert_eq!(short[0], name(&long).with("1"), "the same again");
    }

    #[test]
    fn a_name_is_safe_in_paths_and_namespaces() {
        for good in ["default", "a", "la-1", "0"] {
            assert!(good.parse::<LabName>().is_ok(), "{good}");
        }
        let long = "a".repeat(33);
        for bad in ["", "-a", "A", "a/b", "..", "a.failed", "ä", "a b", &long] {
            assert!(bad.parse::<LabName>().is_err(), "{bad}");
        }
    }
}
