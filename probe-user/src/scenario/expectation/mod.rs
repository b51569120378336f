//! What must be true of the record: one arm a kind of expectation, one file a family.
//!
//! What can be seen of a node at a moment is a [`Sight`]; a new one needs nothing here. Any other new expectation is
//! an arm of [`Check`] with its fields, a line in `read`, and a pure function from [`Evidence`] to a finding in its
//! family's file.

mod evidence;
mod leader;
mod log;
mod member;
mod nodes;
mod origin;
mod postgres;
mod read;
mod schema;
mod seen;
#[cfg(test)]
mod tests;
mod time;
mod window;
mod writes;

use evidence::FirstTime;
pub use evidence::{Evidence, Finding, Judgement, Verdict};
pub use log::Benign;
pub use nodes::NodeRef;
pub use origin::Origin;
pub use time::{End, Stretch, Time};
pub use window::Window;

use super::{Expression, Logged, Sight, When};

/// One expectation.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Its stable name in `result.json`: what it says, or the `name` that its author gave it.
    pub name: String,
    /// On which clusters it is judged; in the results of others it is missing.
    pub when: When,
    /// Whether a suite's table shows it: `table`.
    pub in_table: bool,
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
    /// `leader-unchanged`: the same node holds the leader key from the first cut on, without a break.
    LeaderUnchanged {
        /// So long after the run's zero; else to the end.
        length: Option<Expression>,
    },
    /// `leader-is`: the node holds the leader key at the end.
    LeaderIs(NodeRef),
    /// `server`, `rest`, `port`, …: what can be seen of a node at one moment.
    Seen(Sight, Time),
    /// `member-back`: every node that was cut takes part again, after the last revert.
    MemberBack(Window),
    /// `writes-stop`: no write is acknowledged any more. At least one of the two is there.
    WritesStop {
        /// They must stop in it.
        window: Option<Window>,
        /// The longest outage is no longer than this.
        at_most: Option<Expression>,
    },
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
    /// `timeline-grows`, `timeline-unchanged`: a primary begins a new WAL timeline by the end of the run, or none
    /// does.
    Timeline {
        /// It grows.
        grows: bool,
    },
    /// `log` with `contains`: an entry of Patroni's log, after the run's zero or in a window.
    LogContains(Logged, Option<Window>),
    /// `log` with `lacks`: no such entry after the run's zero.
    LogLacks(Logged),
    /// `tracebacks` in Patroni's log, after the run's zero.
    Tracebacks {
        /// Whose log.
        node: NodeRef,
        /// What is expected of the benign ones.
        benign: Benign,
        /// Others are allowed, too.
        others: bool,
        /// When the first benign one must come, where one is expected.
        window: Option<Window>,
    },
}

impl Expectation {
    /// Judges the record.
    pub fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let finding = match &self.check {
            Check::LeaderLost(window) => leader::lost(evidence, window),
            Check::NewLeader(window) => leader::elected(evidence, window),
            Check::LeaderUnchanged { length } => leader::unchanged(evidence, length.as_ref()),
            Check::LeaderIs(node) => leader::is(evidence, node),
            Check::Seen(sight, time) => seen::seen(evidence, sight, time),
            Check::MemberBack(window) => member::back(evidence, window),
            Check::WritesStop { window, at_most } => {
                writes::stop(evidence, window.as_ref(), at_most.as_ref())
            }
            Check::WritesContinue => writes::go_on(evidence),
            Check::WritesBack(window) => writes::back(evidence, window),
            Check::WritesLost { at_most } => writes::lost(evidence, *at_most),
            Check::TwoWritablePrimaries { at_least, at_most } => {
                postgres::two_writable(evidence, at_least.as_ref(), at_most.as_ref())
            }
            Check::Timeline { grows } => postgres::timeline(evidence, *grows),
            Check::LogContains(logged, window) => log::contains(evidence, logged, window.as_ref()),
            Check::LogLacks(logged) => log::lacks(evidence, logged),
            Check::Tracebacks { node, benign, others, window } => {
                log::tracebacks(evidence, node, *benign, *others, window.as_ref())
            }
        };
        Judgement { in_table: self.in_table, ..finding.named(&self.name) }
    }
}
