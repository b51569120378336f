//! What was seen: events as observers saw them, and the transitions that follow from them.

mod clients;
mod deeds;
mod environment;
mod event;
mod health;
mod metrics;
mod primaries;
mod recorder;
mod sights;
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

pub use clients::ClientsMet;
pub(crate) use clients::clients_met;
pub use deeds::{Acted, Answered, Applied, HitSummary, Reverted, StepMark};
pub use environment::Environment;
pub use event::{Event, Kind, Source};
pub use metrics::{Metrics, TwoWritable, metrics};
pub(crate) use metrics::{before, member_back};
pub use primaries::TwoPrimaries;
pub(crate) use primaries::two_primaries;
pub use recorder::{EVENTS_FILE, RecordError, Recorder, read_events};
pub use sights::{
    ClientWrite, ClusterMember, ClusterView, EdgeProbe, Inside, LeaderKey, LeaderLease, LogEntry, MemberKey,
    OpenSession, PortState, ProbeMet, RestState, RowsFound, ServerProcess, ServerState, Streaming,
    WriteOutcome,
};
pub use sink::EventSink;
pub use traceback::{Traceback, traceback};
pub use transition::{Transition, What};
pub use transitions::{FLAP, Follower, REPEAT, transitions};
pub use view::View;
pub(crate) use words::{
    closed_in_words, inside_in_words, port_in_words, rest_in_words, rule_in_words, session_in_words,
};
pub(crate) use writes::outages;
pub use writes::{Outage, WRITE_PAUSE};
pub use zero::{Zero, ZeroFrom, zero};
pub(crate) use zero::{first_action, hits, in_order, own_probes};
