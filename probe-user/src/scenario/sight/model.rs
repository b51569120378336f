//! The sights that there are.

use std::fmt;

use super::Listed;
use crate::{cluster::Server, record::PortState, scenario::NodeRef};

/// Something that is so or is not so of every node that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Which nodes.
    pub node: NodeRef,
    /// What must be so.
    pub aspect: Aspect,
}

/// What must be so of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// `server`: `HAProxy` has the node so.
    Server {
        /// In which proxy.
        proxy: String,
        /// UP, or not.
        up: bool,
    },
    /// `rest`: its REST API answers so, or is silent.
    Rest(Rest),
    /// `port`: a client of its PostgreSQL port meets one of these.
    Port(Vec<Meets>),
    /// `member-key`: its member key is there, or gone.
    MemberKey {
        /// There, or gone.
        present: bool,
    },
    /// `listed`: `patronictl list` shows it so, or not at all.
    Listed(Listed),
    /// `replication`: it streams from the node that holds the leader key, as that one's PostgreSQL says.
    Replication {
        /// It does, or not.
        streaming: bool,
    },
    /// `inside`: its own PostgreSQL, seen over its Unix socket, would accept a write, or not.
    Inside {
        /// Accepts, or not.
        writable: bool,
    },
    /// `process`: the first process of a server.
    Process {
        /// Which server.
        server: Server,
        /// What has become of it.
        state: ProcessState,
    },
}

/// What a REST API does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It answers with this HTTP status.
    Status(u16),
    /// It answers with any.
    Any,
    /// It does not answer.
    Silent,
}

/// What a client of a port meets: a [`PortState`] without its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meets {
    /// PostgreSQL answers, and begins to authenticate.
    Accepts,
    /// The connection is refused.
    Refused,
    /// It is reset.
    Reset,
    /// Nothing comes back.
    TimesOut,
    /// There is no way to the host.
    Unreachable,
    /// PostgreSQL answers, and says no: it starts up, or has no connection left.
    SaysNo,
}

/// What has become of the process that ran at the run's zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessState {
    /// It runs.
    Same,
    /// Another one runs in its place.
    Another,
    /// None runs.
    Gone,
}

impl Meets {
    pub(super) const WORDS: [(&'static str, Self); 6] = [
        ("accepts", Self::Accepts),
        ("refused", Self::Refused),
        ("reset", Self::Reset),
        ("times-out", Self::TimesOut),
        ("unreachable", Self::Unreachable),
        ("says-no", Self::SaysNo),
    ];

    /// Whether that is what the client met.
    pub(super) fn is(self, state: &PortState) -> bool {
        self == match state {
            PortState::Accepts => Self::Accepts,
            PortState::Refused => Self::Refused,
            PortState::Reset => Self::Reset,
            PortState::TimesOut => Self::TimesOut,
            PortState::Unreachable => Self::Unreachable,
            PortState::Answers(_) => Self::SaysNo,
        }
    }
}

impl fmt::Display for Meets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::WORDS.iter().find(|(_, meets)| meets == self).map_or("", |(word, _)| word))
    }
}

impl Sight {
    /// What must be so of these nodes, in words.
    pub fn in_words(&self, nodes: &str) -> String {
        match &self.aspect {
            Aspect::Server { proxy, up } => {
                format!("HAProxy has {nodes} {} in {proxy}", if *up { "UP" } else { "DOWN" })
            }
            Aspect::Rest(Rest::Status(status)) => format!("the REST API of {nodes} answers {status}"),
            Aspect::Rest(Rest::Any) => format!("the REST API of {nodes} answers"),
            Aspect::Rest(Rest::Silent) => format!("the REST API of {nodes} is silent"),
            Aspect::Port(meets) => {
                let meets: Vec<_> = meets.iter().map(ToString::to_string).collect();
                format!("a client of {nodes}'s PostgreSQL port meets {}", meets.join(" or "))
            }
            Aspect::MemberKey { present } => {
                format!("the member key of {nodes} is {}", if *present { "there" } else { "gone" })
            }
            Aspect::Listed(listed) => listed.in_words(nodes),
            Aspect::Replication { streaming: true } => format!("{nodes} streams from the leader"),
            Aspect::Replication { streaming: false } => format!("{nodes} does not stream from the leader"),
            Aspect::Inside { writable } => {
                format!("{nodes} is {} from inside", if *writable { "writable" } else { "not writable" })
            }
            Aspect::Process { server, state } => match state {
                ProcessState::Same => format!("{server} on {nodes} is the process that it was"),
                ProcessState::Another => format!("{server} on {nodes} is another process"),
                ProcessState::Gone => format!("{server} on {nodes} does not run"),
            },
        }
    }

    /// Who sees it, for a finding that nobody did.
    pub(in crate::scenario) fn watched(&self) -> &'static str {
        match self.aspect {
            Aspect::Server { .. } => "HAProxy",
            Aspect::Rest(_) => "the REST API",
            Aspect::Port(_) => "the PostgreSQL port",
            Aspect::MemberKey { .. } => "the member key",
            Aspect::Listed(_) => "the row in `patronictl list`",
            Aspect::Replication { .. } => "the replication",
            Aspect::Inside { .. } => "PostgreSQL",
            Aspect::Process { .. } => "the process",
        }
    }
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.in_words(&self.node.to_string()))
    }
}
