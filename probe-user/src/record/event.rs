//! One observation, as it stands in `events.jsonl`.
//!
//! An event says that something changed: `before` is what the observer saw last, `after` what it sees now.
//! Each [`Kind`] has one payload type, named in its doc; `null` stands for "not there".

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::DateTime};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    clock::BootInstant,
    cluster::Server,
    policy::{Action, PlannedRule},
};

/// One line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
        }
    }

    /// `after` as the payload type of this event's kind; `None` where it is `null` or of another shape.
    pub fn after_as<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.after).ok()
    }

    /// `before` as the payload type of this event's kind; `None` where it is `null` or of another shape.
    pub fn before_as<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.before).ok()
    }
}

/// Who saw an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The scenario's own steps.
    Scenario,
    /// netsplit's cut: applied, reverted.
    Cut,
    /// The datapath in the kernel: packets hit.
    Kernel,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// A member's key (`node`): [`MemberKey`] or `null`.
    MemberKey,
    /// Whether etcd answers the observer: a string, `reachable` or `unreachable: WHY`.
    EtcdReachable,
    /// What a client sees that connects to the node's PostgreSQL port: [`PortState`].
    Port,
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

/// Payload of [`Kind::Step`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepMark {
    /// The step's place in the scenario, from 0.
    pub index: usize,
    /// What expectations call it that count from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The step in words, such as `apply primary-5432-drop.toml`.
    pub what: String,
    /// `begin` or `end`; `end` with a reason when it failed.
    pub phase: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// In the `end` of a step that did something to the cluster: what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Acted>,
}

/// What an action did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// When it began.
    pub began: BootInstant,
    /// The node that it was done to; `null` where it was done to none.
    pub node: Option<String>,
    /// What came of it, in words; `null` where it failed.
    pub outcome: Option<String>,
    /// The request to Patroni that it was, and its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Answered>,
}

/// A request to Patroni, by its REST API or by `patronictl`, and its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The request, such as `POST http://10.88.0.11:8008/switchover {…}` or `patronictl switchover …`.
    pub request: String,
    /// The status that the scenario expects; `null` for what Patroni documents as success, 200 or 202.
    #[serde(default)]
    pub expected: Option<u16>,
    /// What the scenario expects the answer's body to contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_body: Option<String>,
    /// The exit code of `patronictl` that the scenario expects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_exit: Option<i32>,
    /// The status that came; `null` where no answer did, and where `patronictl` did not say.
    pub status: Option<u16>,
    /// The answer's body; without a status, why there was none or all that `patronictl` said.
    pub body: String,
    /// The exit code of `patronictl`; `null` for a request to the REST API, and where it was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
}

/// Payload of [`Kind::Applied`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The cut's id.
    pub cut: String,
    /// When the kernel stops enforcing it.
    pub deadline: BootInstant,
    /// `xdp` or `tc`.
    pub backend: String,
    /// Where the programs sit, such as `eth0 xdp native`.
    pub hooks: Vec<String>,
    /// What is enforced.
    pub rules: Vec<PlannedRule>,
}

/// Payload of [`Kind::Reverted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reverted {
    /// The cut's id.
    pub cut: String,
    /// `revert`, `lease` or `interrupted`.
    pub why: String,
    /// The rules' last counters.
    pub rules: Vec<HitSummary>,
}

/// Payload of [`Kind::Hit`]: a rule's counters so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HitSummary {
    /// The cut's id.
    pub cut: String,
    /// The rule's place in the policy, from 0.
    pub rule: usize,
    /// What the rule does.
    pub action: Action,
    /// Packets hit so far.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The first hit.
    pub first: Option<BootInstant>,
    /// The last hit.
    pub last: Option<BootInstant>,
    /// A packet of those that were hit, such as `tcp 10.88.0.12:40000 > 10.88.0.11:5432 syn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// Payload of [`Kind::Rest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Payload of [`Kind::Cluster`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterView {
    /// Members by name.
    pub members: BTreeMap<String, ClusterMember>,
    /// Maintenance mode.
    #[serde(default)]
    pub paused: bool,
}

/// A row of `patronictl list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterMember {
    /// `leader`, `replica`, `sync_standby`, ….
    pub role: String,
    /// `running`, `streaming`, `stopped`, ….
    pub state: String,
    /// PostgreSQL's timeline.
    pub timeline: Option<u32>,
}

/// Payload of [`Kind::Log`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streaming {
    /// `streaming`, `catchup`, `startup`, ….
    pub state: String,
    /// `async`, `sync`, `potential`, `quorum`.
    pub sync_state: String,
}

/// Payload of [`Kind::LeaderKey`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderKey {
    /// The member that holds it.
    pub holder: String,
}

/// Payload of [`Kind::MemberKey`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerProcess {
    /// `postgres` or `patroni`.
    pub server: Server,
    /// Its process id; `null` while it does not run.
    pub pid: Option<u32>,
}

/// Payload of [`Kind::Inside`]: what PostgreSQL says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerState {
    /// `primary` or `replica`: the proxy's key in the inventory.
    pub proxy: String,
    /// `UP`, `DOWN`, `MAINT`, ….
    pub status: String,
    /// The last check, such as `L7OK/200` or `L4TOUT`.
    pub check: String,
}

/// Payload of [`Kind::Write`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
