//! What the cluster was as a whole: who holds the leader key, who accepts writes, whether etcd answers.

use super::{Band, BandKind, CLUSTER, Lane, Record, State, track::Track};
use crate::record::{Event, Kind, View, two_primaries};

pub(super) const WRITABLE: &str = "Accepts writes";
pub(crate) const LEADER: &str = "Leader key (DCS)";
pub(super) const ETCD: &str = "etcd (DCS)";
pub(super) const MAINTENANCE: &str = "Maintenance mode";

/// Its lanes; maintenance mode has one only where it was on.
pub(super) fn lanes(record: &Record<'_>) -> Vec<Lane> {
    let mut view = View::default();
    let track = |name| Track::new(CLUSTER, name);
    let (mut writable, mut leader) = (track(WRITABLE), track(LEADER));
    let (mut etcd, mut maintenance) = (track(ETCD), track(MAINTENANCE));
    for event in record.events {
        view.take(event);
        match event.kind {
            Kind::Inside => {
                let (state, words) = writable_by(&view);
                writable.see(record, event, state, words);
            }
            Kind::LeaderKey => match (&view.leader, view.holder()) {
                (None, _) => {}
                (_, Some(holder)) => leader.see(record, event, State::Lead, holder.to_owned()),
                (_, None) => leader.see(record, event, State::Bad, "nobody".to_owned()),
            },
            Kind::EtcdReachable => match view.etcd {
                Some(true) => etcd.see(record, event, State::Well, "reachable".to_owned()),
                Some(false) => etcd.see(record, event, State::Bad, said(event)),
                None => {}
            },
            Kind::List if view.list.as_ref().is_some_and(|list| list.paused) => {
                maintenance.see(record, event, State::Odd, "on".to_owned());
            }
            Kind::List => maintenance.leave(record, event),
            _ => {}
        }
    }
    [writable, leader, etcd, maintenance].into_iter().filter_map(|track| track.lane(record)).collect()
}

fn writable_by(view: &View) -> (State, String) {
    match view.writable().as_slice() {
        [] => (State::Bad, "nobody".to_owned()),
        [one] => (State::Lead, one.clone()),
        several => (State::Alarm, format!("TWO WRITABLE PRIMARIES: {}", several.join(" and "))),
    }
}

fn said(event: &Event) -> String {
    event.after.as_str().unwrap_or("unreachable").to_owned()
}

/// When two nodes or more accepted writes.
pub(super) fn bands(record: &Record<'_>) -> Vec<Band> {
    let windows = two_primaries(record.events).unwrap_or_default().into_iter();
    windows
        .map(|window| Band {
            from_s: record.zero.seconds(window.begin),
            to_s: record.zero.seconds(window.seen_until),
            kind: BandKind::Alarm,
            words: format!("two writable primaries: {}", window.nodes.join(" and ")),
        })
        .collect()
}
