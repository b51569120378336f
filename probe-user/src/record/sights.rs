//! Payloads of events that tell what observers saw of the cluster.

use std::{collections::BTreeMap, net::SocketAddr};

use jiff::civil::DateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(doc)]
use super::Kind;
use crate::{clock::BootInstant, cluster::Server, proof::Ruling};

/// Payload of [`Kind::Rest`].
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestState {
    /// It answered.
    Answers {
        /// The HTTP status of `GET /patroni`.
        status: u16,
        /// `primary`, `replica`, … (`master` of Patroni 3 is written `primary`).
        role: String,
        /// `running`, `stopped`, ….
        state: String,
        /// PostgreSQL's timeline, where it says one.
        timeline: Option<u32>,
    },
    /// It did not: what the client met.
    Silent(PortState),
}

/// What a client meets at a TCP port. Payload of [`Kind::Port`].
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortState {
    /// The service answers.
    Accepts,
    /// ECONNREFUSED.
    Refused,
    /// ECONNRESET.
    Reset,
    /// No answer in time, neither to the connection nor to the request.
    TimesOut,
    /// EHOSTUNREACH, ENETUNREACH.
    Unreachable,
    /// The service answers, and says no: its words.
    Answers(String),
}

/// Payload of [`Kind::OpenSession`]: how a session fares that was opened before, and is kept while it lives.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpenSession {
    /// It answers within a second.
    Answers,
    /// It does not, and has not ended.
    Hangs {
        /// When the question was asked that is not answered.
        since: BootInstant,
    },
    /// It has ended, or none can be opened: what the client met.
    Ended(PortState),
}

/// Payload of [`Kind::Cluster`] and of [`Kind::List`].
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct ClusterView {
    /// Members by name.
    pub members: BTreeMap<String, ClusterMember>,
    /// Maintenance mode.
    #[serde(default)]
    pub paused: bool,
}

/// A row of `patronictl list`.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct ClusterMember {
    /// `leader`, `replica`, `sync_standby`, ….
    pub role: String,
    /// `running`, `streaming`, `stopped`, ….
    pub state: String,
    /// PostgreSQL's timeline.
    pub timeline: Option<u32>,
}

/// Payload of [`Kind::Log`].
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct LogEntry {
    /// `INFO`, `WARNING`, `ERROR`, …; empty for lines that Patroni's logger did not write.
    pub level: String,
    /// The entry without its time and level. A traceback keeps its lines.
    pub text: String,
    /// Patroni's own time, to the millisecond, in the time zone of its logger, which it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<DateTime>,
}

/// A standby in a primary's `pg_stat_replication`.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Streaming {
    /// `streaming`, `catchup`, `startup`, ….
    pub state: String,
    /// `async`, `sync`, `potential`, `quorum`.
    pub sync_state: String,
}

/// Payload of [`Kind::LeaderKey`].
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct LeaderKey {
    /// The member that holds it.
    pub holder: String,
}

/// Payload of [`Kind::Lease`]: the lease that the leader key is bound to, as etcd has it.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct LeaderLease {
    /// The member that holds the key.
    pub holder: String,
    /// How long the key still lives if nobody renews it, in whole seconds.
    pub left_s: u64,
    /// How long it lives after a renewal: Patroni's `ttl`.
    pub granted_s: u64,
}

/// Payload of [`Kind::MemberKey`].
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct MemberKey {
    /// `primary`, `replica`, ….
    pub role: String,
    /// `running`, `stopped`, ….
    pub state: String,
    /// PostgreSQL's timeline.
    pub timeline: Option<u32>,
    /// `streaming`, `in archive recovery`, ….
    pub replication_state: Option<String>,
}

/// Payload of [`Kind::Process`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct ServerProcess {
    /// `postgres` or `patroni`.
    pub server: Server,
    /// Its process id; `null` while it does not run.
    pub pid: Option<u32>,
}

/// Payload of [`Kind::Inside`]: what PostgreSQL says of itself.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Inside {
    /// `pg_is_in_recovery()`.
    pub in_recovery: bool,
    /// `transaction_read_only` of a new session.
    pub read_only: bool,
    /// The timeline of the last checkpoint, or of the WAL being received.
    pub timeline: u32,
}

impl Inside {
    /// Whether a client that reaches it now could write.
    pub fn writable(&self) -> bool {
        !self.in_recovery && !self.read_only
    }
}

/// Payload of [`Kind::Server`].
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct ServerState {
    /// `primary` or `replica`: the proxy's key in the inventory.
    pub proxy: String,
    /// `UP`, `DOWN`, `MAINT`, ….
    pub status: String,
    /// The last check, such as `L7OK/200` or `L4TOUT`.
    pub check: String,
}

/// Payload of [`Kind::Write`].
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct ClientWrite {
    /// The row's number, from 1, never used twice.
    pub id: u64,
    /// How it ended.
    pub outcome: WriteOutcome,
    /// From the attempt to its end, in milliseconds.
    pub took_ms: u64,
    /// The server's words, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a client's write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WriteOutcome {
    /// COMMIT was acknowledged: the row must never be lost.
    Acknowledged,
    /// It surely did not happen.
    Failed,
    /// The connection ended between COMMIT and its answer: it may have happened.
    Unknown,
}

/// Payload of [`Kind::RowsFound`].
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct RowsFound {
    /// Rows found in the table that this run wrote.
    pub found: u64,
    /// Acknowledged, and not there.
    pub lost: Vec<u64>,
    /// There more than once.
    pub duplicated: Vec<u64>,
    /// Not acknowledged, and there all the same.
    pub unacknowledged: Vec<u64>,
}

/// Payload of [`Kind::Probe`]: what a probe of netsplit's own met on an edge of a cut.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct EdgeProbe {
    /// The cut's id.
    pub cut: String,
    /// The node that the rule is enforced on.
    pub node: String,
    /// The rule's place in the policy, from 0.
    pub rule: usize,
    /// The edge's other end: a node's name, `lo` for the node itself.
    pub peer: String,
    /// Where the probe went.
    pub to: SocketAddr,
    /// When it began.
    pub began: BootInstant,
    /// What it met.
    pub met: ProbeMet,
    /// How often the rule was hit while this probe and those beside it were under way.
    pub hits: u64,
    /// How many probes of this rule were under way together.
    pub probes: u64,
    /// How many hits it can have caused at most, also after its end.
    pub own_hits: u64,
}

impl EdgeProbe {
    /// The rule whose edge it was made on.
    pub fn ruling(&self) -> Ruling {
        Ruling { node: self.node.clone(), rule: self.rule }
    }
}

/// What a probe met.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeMet {
    /// It got through: a connection, its end acknowledged, or an answer to a datagram.
    Passes,
    /// Nothing, until its time was up.
    Silence,
    /// An answer, and no sooner than this.
    Late {
        /// After so many nanoseconds at the earliest.
        least_ns: u64,
    },
    /// A TCP RST.
    Reset,
    /// ICMP or `ICMPv6` port unreachable.
    Rejected,
    /// No connection could be made for it to be cut: nobody listens.
    NobodyListens,
    /// The network has no way there: another ICMP error, or none of this host's own.
    NoWay,
    /// It could not be made, in words.
    Failed(String),
}
