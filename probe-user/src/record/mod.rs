//! What was seen: events as observers saw them, and the transitions that follow from them.

mod environment;
mod event;
mod metrics;
mod primaries;
mod recorder;
mod sink;
#[cfg(test)]
pub(crate) mod story;
#[cfg(test)]
mod tests;
mod traceback;
mod transition;
mod transitions;
mod view;
mod words;
mod writes;
mod zero;

pub use environment::Environment;
pub use event::{
    Acted, Answered, Applied, ClientWrite, ClusterMember, ClusterView, Event, HitSummary, Inside, Kind,
    LeaderKey, LogEntry, MemberKey, PortState, RestState, Reverted, RowsFound, ServerProcess, ServerState,
    Source, StepMark, Streaming, WriteOutcome,
};
pub use metrics::{Metrics, TwoWritable, metrics};
pub(crate) use metrics::{before, member_back};
pub use primaries::TwoPrimaries;
pub(crate) use primaries::two_primaries;
pub use recorder::{EVENTS_FILE, RecordError, Recorder, read_events};
pub use sink::EventSink;
pub use traceback::{Traceback, traceback};
pub use transition::{Transition, What};
pub use transitions::{FLAP, REPEAT, transitions};
pub use view::View;
pub(crate) use words::{port_in_words, rest_in_words, rule_in_words};
pub(crate) use writes::outages;
pub use writes::{Outage, WRITE_PAUSE};
pub use zero::{Zero, ZeroFrom, zero};
pub(crate) use zero::{first_action, hits, in_order};
