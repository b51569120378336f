//! What was seen: events as observers saw them, and the transitions that follow from them.

mod event;
mod recorder;
mod sink;

pub use event::{
    Applied, ClientWrite, ClusterMember, ClusterView, Event, HitSummary, Inside, Kind, LeaderKey, MemberKey,
    PortState, RestState, Reverted, RowsFound, ServerState, Source, StepMark, WriteOutcome,
};
pub use recorder::{EVENTS_FILE, RecordError, Recorder, read_events};
pub use sink::EventSink;
