//! What must be true of the record: one arm a kind of expectation, one file a family.
//!
//! A new expectation is an arm of [`Check`] with its fields, a line in `read`, and a pure function from
//! [`Evidence`] to a finding in its family's file.

mod evidence;
mod leader;
mod member;
mod nodes;
mod postgres;
mod read;
mod service;
#[cfg(test)]
mod tests;
mod window;
mod writes;

use evidence::FirstTime;
pub use evidence::{Evidence, Finding, Judgement, Verdict};
pub use nodes::NodeRef;
pub use window::{Origin, Window};

use super::Expression;

/// One expectation.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Its stable name in `result.json`: what it says, or the `name` that its author gave it.
    pub name: String,
    /// What must be true.
    pub check: Check,
}

/// What must be true.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// `leader-lost`: the leader key is lost, or moves.
    LeaderLost(Window),
    /// `new-leader`: another node than before holds the leader key.
    NewLeader(Window),
    /// `leader-unchanged`: the same node holds the leader key from the first cut to the end, without a break.
    LeaderUnchanged,
    /// `server`: `HAProxy` has the node in this state.
    Server {
        /// Which node.
        node: NodeRef,
        /// In which proxy.
        proxy: String,
        /// UP, or not.
        up: bool,
        /// When.
        window: Window,
    },
    /// `rest`: the node's REST API answers so, or is silent.
    Rest {
        /// Which node.
        node: NodeRef,
        /// The HTTP status; `None` for silence.
        status: Option<u16>,
        /// When.
        window: Window,
    },
    /// `member-key`: the node's member key is there, or gone.
    MemberKey {
        /// Which node.
        node: NodeRef,
        /// There, or gone.
        present: bool,
        /// When.
        window: Window,
    },
    /// `member-back`: every node that was cut takes part again, after the last revert.
    MemberBack(Window),
    /// `writes-stop`: no write is acknowledged any more.
    WritesStop(Window),
    /// `writes-continue`: no outage in the whole run.
    WritesContinue,
    /// `writes-back`: the first acknowledged write after the outage.
    WritesBack(Window),
    /// `no-acknowledged-write-lost`, `acknowledged-writes-lost`: the client's rows, read back after the run.
    WritesLost {
        /// How many acknowledged writes may be gone.
        at_most: u64,
    },
    /// `two-writable-primaries`: how long more than one node would have accepted writes.
    TwoWritablePrimaries {
        /// At least so long in all.
        at_least: Option<Expression>,
        /// At most so long in all.
        at_most: Option<Expression>,
    },
    /// `timeline-grows`: a primary begins a new WAL timeline, by the end of the run.
    TimelineGrows,
    /// `inside`: the node's own PostgreSQL, seen over its Unix socket, would accept a write, or not.
    Inside {
        /// Which node.
        node: NodeRef,
        /// Accepts, or not.
        writable: bool,
        /// When.
        window: Window,
    },
}

impl Expectation {
    /// Judges the record.
    pub fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let finding = match &self.check {
            Check::LeaderLost(window) => leader::lost(evidence, window),
            Check::NewLeader(window) => leader::elected(evidence, window),
            Check::LeaderUnchanged => leader::unchanged(evidence),
            Check::Server { node, proxy, up, window } => service::server(evidence, node, proxy, *up, window),
            Check::Rest { node, status, window } => service::rest(evidence, node, *status, window),
            Check::MemberKey { node, present, window } => member::key(evidence, node, *present, window),
            Check::MemberBack(window) => member::back(evidence, window),
            Check::WritesStop(window) => writes::stop(evidence, window),
            Check::WritesContinue => writes::go_on(evidence),
            Check::WritesBack(window) => writes::back(evidence, window),
            Check::WritesLost { at_most } => writes::lost(evidence, *at_most),
            Check::TwoWritablePrimaries { at_least, at_most } => {
                postgres::two_writable(evidence, at_least.as_ref(), at_most.as_ref())
            }
            Check::TimelineGrows => postgres::timeline_grows(evidence),
            Check::Inside { node, writable, window } => postgres::inside(evidence, node, *writable, window),
        };
        finding.named(&self.name)
    }
}
