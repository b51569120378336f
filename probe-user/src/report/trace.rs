//! From a number of a report back to the events behind it.

use crate::{
    clock::BootInstant,
    record::{ClientWrite, Event, Kind, Transition, What, Zero, hits},
};

/// The event that a transition follows from. `ordered` is the record by the boot clock.
pub(crate) fn of_transition<'e>(ordered: &[&'e Event], transition: &Transition) -> Option<&'e Event> {
    let node = Some(transition.subject.as_str());
    ordered.iter().copied().find(|event| match transition.what {
        What::CutHit => {
            event.node.as_deref() == node && hits(event).iter().any(|hit| hit.first == Some(transition.at))
        }
        What::WritesStopped => event.kind == Kind::Write && attempt(event) == Some(transition.at),
        what => event.boot_ns == transition.at && kinds(what).contains(&event.kind),
    })
}

/// When the write began that ended with this event.
fn attempt(event: &Event) -> Option<BootInstant> {
    let write: ClientWrite = event.after_as()?;
    Some(BootInstant { ns: event.boot_ns.ns.saturating_sub(write.took_ms.saturating_mul(1_000_000)) })
}

/// What an observer says where this changes.
fn kinds(what: What) -> &'static [Kind] {
    match what {
        What::CutInForce => &[Kind::Applied],
        What::CutHit => &[Kind::Hit, Kind::Reverted],
        What::CutReverted => &[Kind::Reverted],
        What::LeaderLost | What::LeaderElected | What::LeaderMoved => &[Kind::LeaderKey],
        What::MemberLost | What::MemberBack => &[Kind::MemberKey],
        What::ListState | What::MaintenanceBegins | What::MaintenanceEnds => &[Kind::List],
        What::StreamingBegins | What::StreamingEnds => &[Kind::Replication],
        What::Traceback | What::BenignTraceback => &[Kind::Log],
        What::RestAnswers | What::RestSilent | What::RestRole | What::RestStatus => &[Kind::Rest],
        What::PortAccepts | What::PortFails => &[Kind::Port],
        What::ServerUp | What::ServerDown => &[Kind::Server],
        What::PostgresWritable
        | What::PostgresReadOnly
        | What::PostgresStopped
        | What::TimelineGrew
        | What::TwoPrimariesBegin
        | What::TwoPrimariesEnd => &[Kind::Inside],
        What::WritesStopped | What::WritesBack => &[Kind::Write],
        What::EtcdUnreachable | What::EtcdReachable => &[Kind::EtcdReachable],
    }
}

/// The event of a moment that a report names: that of a transition then, else any event of that millisecond, one that
/// is no write if there is one.
pub(crate) fn of_moment<'e>(
    ordered: &[&'e Event],
    zero: Zero,
    transitions: &[Transition],
    at_s: f64,
) -> Option<&'e Event> {
    let then = |moment: f64| (moment - at_s).abs() < 5e-4;
    let mut told = transitions.iter().filter(|transition| then(transition.at_s));
    let told = told.find_map(|transition| of_transition(ordered, transition));
    let seen = || ordered.iter().copied().filter(|event| then(zero.seconds(event.boot_ns)));
    told.or_else(|| seen().find(|event| event.kind != Kind::Write)).or_else(|| seen().next())
}
