//! Transitions as marks on the lanes that they are about.

use super::{
    CLIENTS, CLUSTER, CUT_OF, DONE, Lane, Mark, Record,
    cluster::{ETCD, LEADER, MAINTENANCE, WRITABLE},
    node::{HAPROXY, INSIDE, PORT, REST, ROLE},
    writes::WRITES,
};
use crate::{
    record::{Transition, What},
    report::{line, trace},
};

/// Puts each transition onto its lane; one whose lane is not there stays in the timeline's table alone.
pub(super) fn place(lanes: &mut [Lane], record: &Record<'_>, transitions: &[Transition]) {
    for transition in transitions {
        let (group, name) = lane_of(transition);
        let about = |lane: &Lane| lane.group == group && lane.name == name;
        // Two cuts of one node have a lane each.
        let then = |lane: &Lane| {
            let (first, last) = (lane.spans.first(), lane.spans.last());
            first.is_some_and(|span| span.from_s <= transition.at_s)
                && last.is_some_and(|span| transition.at_s <= span.to_s)
        };
        let place = lanes.iter().position(|lane| about(lane) && then(lane));
        let Some(lane) = place.or_else(|| lanes.iter().position(about)).and_then(|at| lanes.get_mut(at))
        else {
            continue;
        };
        let told = line(transition);
        let event = trace::of_transition(record.events, transition);
        lane.marks.push(Mark {
            at_s: transition.at_s,
            tone: told.tone,
            words: told.text,
            line: event.and_then(|event| event.line),
        });
    }
}

fn lane_of(transition: &Transition) -> (String, String) {
    let node = || transition.subject.clone();
    let (group, name) = match transition.what {
        What::CutInForce | What::CutHit | What::CutReverted => {
            return (DONE.to_owned(), format!("{CUT_OF}{}", transition.subject));
        }
        What::LeaderLost | What::LeaderElected | What::LeaderMoved => (CLUSTER.to_owned(), LEADER),
        What::TwoPrimariesBegin | What::TwoPrimariesEnd => (CLUSTER.to_owned(), WRITABLE),
        What::EtcdUnreachable | What::EtcdReachable => (CLUSTER.to_owned(), ETCD),
        What::MaintenanceBegins | What::MaintenanceEnds => (CLUSTER.to_owned(), MAINTENANCE),
        What::WritesStopped | What::WritesBack => (CLIENTS.to_owned(), WRITES),
        What::MemberLost | What::MemberBack | What::ListState => (node(), ROLE),
        What::RestAnswers
        | What::RestSilent
        | What::RestRole
        | What::RestStatus
        | What::Traceback
        | What::BenignTraceback => (node(), REST),
        What::PortAccepts | What::PortFails => (node(), PORT),
        What::PostgresWritable
        | What::PostgresReadOnly
        | What::PostgresStopped
        | What::TimelineGrew
        | What::StreamingBegins
        | What::StreamingEnds => (node(), INSIDE),
        What::ServerUp | What::ServerDown => (node(), HAPROXY),
    };
    (group, name.to_owned())
}
