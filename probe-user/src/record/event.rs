//! One observation, as it stands in `events.jsonl`.
//!
//! An event says that something changed: `before` is what the observer saw last, `after` what it sees now.
//! Each [`Kind`] has one payload type, named in its doc; `null` stands for "not there".

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

#[cfg(doc)]
use super::{
    Applied, ClientWrite, ClusterView, EdgeProbe, HitSummary, Inside, LeaderKey, LeaderLease, LogEntry,
    MemberKey, OpenSession, PortState, RestState, Reverted, RowsFound, ServerProcess, ServerState, StepMark,
    Streaming,
};
use crate::clock::BootInstant;

/// One line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Event {
    /// Wall time with nanoseconds (RFC 3339), for people.
    pub wall: Timestamp,
    /// Boot clock in nanoseconds, for order and arithmetic.
    pub boot_ns: BootInstant,
    /// The node that this is about, where it is about one.
    pub node: Option<String>,
    /// Who saw it.
    pub source: Source,
    /// What kind of thing changed.
    pub kind: Kind,
    /// What the source saw before; `null` the first time.
    pub before: Value,
    /// What it sees now.
    pub after: Value,
    /// Its line in `events.jsonl`, from 1: where reports send whoever wants to see for himself. `None` before it is
    /// written.
    #[serde(skip)]
    pub line: Option<usize>,
}

impl Event {
    /// An event of this moment.
    pub fn now(node: Option<&str>, source: Source, kind: Kind, before: Value, after: Value) -> Self {
        Self {
            wall: Timestamp::now(),
            boot_ns: BootInstant::now(),
            node: node.map(str::to_owned),
            source,
            kind,
            before,
            after,
            line: None,
        }
    }

    /// `after` as the payload type of this event's kind; `None` where it is `null` or of another shape.
    pub fn after_as<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.after).ok()
    }

    /// Its kind, as it stands in `events.jsonl`.
    pub(crate) fn kind_in_words(&self) -> String {
        name(self.kind)
    }

    /// Its source, as it stands in `events.jsonl`.
    pub(crate) fn source_in_words(&self) -> String {
        name(self.source)
    }

    /// `before` as the payload type of this event's kind; `None` where it is `null` or of another shape.
    pub fn before_as<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.before).ok()
    }
}

/// A name as it stands in `events.jsonl`.
fn name(name: impl Serialize) -> String {
    serde_json::to_value(name).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}

/// Who saw an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The scenario's own steps.
    Scenario,
    /// netsplit's cut: applied, reverted.
    Cut,
    /// The datapath in the kernel: packets hit.
    Kernel,
    /// netsplit's own probes of what a cut cuts.
    Prober,
    /// Patroni's REST API, from outside.
    Patroni,
    /// Patroni's log, on its node.
    Log,
    /// etcd, by watch.
    Etcd,
    /// PostgreSQL: its port from outside, its own truth from inside.
    Postgres,
    /// `HAProxy`'s stats socket.
    Haproxy,
    /// The client that writes numbered rows through `HAProxy`.
    Client,
}

/// What kind of thing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// What the run ran on, once at its beginning: [`Environment`](super::Environment).
    Environment,
    /// A step of the scenario began or ended: [`StepMark`].
    Step,
    /// A cut is in force on `node`: [`Applied`].
    Applied,
    /// A cut was taken away from `node`: [`Reverted`].
    Reverted,
    /// Packets hit a rule on `node`: [`HitSummary`]. The first hit, then at most one event a second.
    Hit,
    /// What a probe met on an edge of the cut on `node`: [`EdgeProbe`].
    Probe,
    /// What a node's REST API answers to `GET /patroni`: [`RestState`].
    Rest,
    /// What `GET /cluster` says, the source of `patronictl list`; `node` is who answered: [`ClusterView`].
    Cluster,
    /// What `patronictl list` prints at this moment, which is what the DCS says, not what can be reached:
    /// [`ClusterView`]. No Patroni is asked for it, so it is there when no REST API answers.
    List,
    /// An entry of Patroni's log on `node`: [`LogEntry`].
    Log,
    /// Who streams from `node`, as its `pg_stat_replication` says: a map from standby to [`Streaming`], or `null`
    /// when PostgreSQL does not answer.
    Replication,
    /// The leader key: [`LeaderKey`] or `null`.
    LeaderKey,
    /// How long the leader key still lives: [`LeaderLease`] or `null`. Only a live view asks for it, once a second.
    Lease,
    /// A member's key (`node`): [`MemberKey`] or `null`.
    MemberKey,
    /// Whether etcd answers the observer: a string, `reachable` or `unreachable: WHY`.
    EtcdReachable,
    /// What a client sees that connects to the node's PostgreSQL port: [`PortState`].
    Port,
    /// How a session with the node's PostgreSQL fares that is kept while it lives: [`OpenSession`].
    OpenSession,
    /// The first process of a server on `node`: [`ServerProcess`]. `before` is of the same server.
    Process,
    /// What PostgreSQL says of itself over its Unix socket: [`Inside`], or `null` when it does not answer.
    Inside,
    /// The WAL position that goes with `Inside`: a string such as `0/3000148`, at most one event a second.
    Lsn,
    /// A server's state in `HAProxy` (`node`): [`ServerState`]. `before` is of the same proxy.
    Server,
    /// One write of the client came to an end: [`ClientWrite`]. `node` is who acknowledged it.
    Write,
    /// After the run, which of the acknowledged rows are there: [`RowsFound`].
    RowsFound,
    /// The observer itself met trouble that it could not turn into a state: a string.
    Trouble,
}
