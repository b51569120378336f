//! What was seen: events as observers saw them, and the transitions that follow from them.

mod event;
mod sink;

pub use event::{
    Applied, ClientWrite, ClusterMember, ClusterView, Event, HitSummary, Inside, Kind, LeaderKey, MemberKey,
    PortState, RestState, Reverted, RowsFound, ServerState, Source, StepMark, WriteOutcome,
};
pub use sink::EventSink;
