//! A change that matters, as it stands in `result.json` and on the timeline.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::BootInstant;

/// One change.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Transition {
    /// When, on the boot clock.
    #[serde(rename = "at_boot_ns")]
    pub at: BootInstant,
    /// Seconds from the run's [zero](super::Zero), to the millisecond.
    pub at_s: f64,
    /// A node's name, or `cluster`, `clients`, `etcd`.
    pub subject: String,
    /// What changed.
    pub what: What,
    /// What it was before, in a few words.
    pub from: Option<String>,
    /// What it is now.
    pub to: Option<String>,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A cut is in force on the node; `to` says what it does.
    CutInForce,
    /// The cut hit its first packet there.
    CutHit,
    /// The cut is gone; `to` says why.
    CutReverted,
    /// Nobody holds the leader key any more.
    LeaderLost,
    /// Somebody holds it again; `from` is the last holder.
    LeaderElected,
    /// It went from one holder to another at once.
    LeaderMoved,
    /// The member key is gone.
    MemberLost,
    /// The member key is there again.
    MemberBack,
    /// What `patronictl list` prints as the member's state; `to` is empty where it prints none.
    ListState,
    /// Maintenance mode begins.
    MaintenanceBegins,
    /// Maintenance mode ends.
    MaintenanceEnds,
    /// A standby, the subject, streams; `to` is the node that it streams from.
    StreamingBegins,
    /// A standby, the subject, streams no longer; `from` is the node that it streamed from.
    StreamingEnds,
    /// A traceback in Patroni's log; `to` is the exception.
    Traceback,
    /// A traceback in Patroni's log that clients of the REST API provoke by going away; `to` is the exception.
    BenignTraceback,
    /// The REST API answers again.
    RestAnswers,
    /// The REST API answers no longer.
    RestSilent,
    /// The REST API tells of another role.
    RestRole,
    /// The REST API answers with another HTTP status.
    RestStatus,
    /// A client that connects to PostgreSQL's port is served again.
    PortAccepts,
    /// A client that connects to PostgreSQL's port is not served; `to` is what it meets.
    PortFails,
    /// `HAProxy` sends clients there; `to` names the proxy.
    ServerUp,
    /// `HAProxy` sends no clients there.
    ServerDown,
    /// PostgreSQL itself would accept a write.
    PostgresWritable,
    /// PostgreSQL itself would refuse a write.
    PostgresReadOnly,
    /// PostgreSQL does not answer over its Unix socket.
    PostgresStopped,
    /// A primary began a new WAL timeline.
    TimelineGrew,
    /// No write was acknowledged from here on.
    WritesStopped,
    /// A write was acknowledged again; `from` says how long none was.
    WritesBack,
    /// Two or more nodes would accept writes; `to` names them.
    TwoPrimariesBegin,
    /// At most one node accepts writes again.
    TwoPrimariesEnd,
    /// etcd does not answer the observer.
    EtcdUnreachable,
    /// etcd answers again.
    EtcdReachable,
}

impl What {
    /// Whether the cluster, not our cut or our own probes, brought this about: what counts as detection.
    ///
    /// A probe of ours that meets the cut (a port, a REST API, a write) shows that the cut works, not that
    /// anybody noticed.
    pub fn is_reaction(self) -> bool {
        matches!(
            self,
            Self::LeaderLost
                | Self::LeaderElected
                | Self::LeaderMoved
                | Self::MemberLost
                | Self::MemberBack
                | Self::RestRole
                | Self::RestStatus
                | Self::ServerUp
                | Self::ServerDown
                | Self::PostgresWritable
                | Self::PostgresReadOnly
                | Self::PostgresStopped
                | Self::TimelineGrew
        )
    }

    /// Whether an observer's bad moment looks like this, so that a quick return is no change.
    pub(crate) fn may_flap(self) -> bool {
        matches!(
            self,
            Self::RestAnswers
                | Self::RestSilent
                | Self::PortAccepts
                | Self::PortFails
                | Self::EtcdUnreachable
                | Self::EtcdReachable
                | Self::ListState
        )
    }
}
