//! What an observer keeps an eye on, and the one loop that looks at it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};

use crate::record::{Event, EventSink, Kind, Source};

/// Where observers report, and what they are still waiting to see for the first time.
#[derive(Clone, Debug)]
pub(super) struct Lookout {
    sink: EventSink,
    awaited: Awaited,
}

impl Lookout {
    pub(super) fn new(sink: EventSink) -> Self {
        Self { sink, awaited: Awaited::default() }
    }

    /// A subject that the watch is not ready without.
    pub(super) fn subject(&self, node: Option<&str>, source: Source, kind: Kind) -> Subject {
        let name = name_of(node, source, kind);
        self.awaited.expect(&name);
        Subject { awaited_as: Some(name), ..self.chance(node, source, kind) }
    }

    /// A subject that may never be seen.
    pub(super) fn chance(&self, node: Option<&str>, source: Source, kind: Kind) -> Subject {
        Subject {
            lookout: self.clone(),
            node: node.map(str::to_owned),
            source,
            kind,
            last: None,
            awaited_as: None,
        }
    }

    /// Where one observer tells of answers that it cannot make a state of.
    pub(super) fn trouble(&self, node: Option<&str>, source: Source) -> Subject {
        self.chance(node, source, Kind::Trouble)
    }

    /// Sends an event that has no `before`.
    pub(super) fn send(&self, node: Option<&str>, source: Source, kind: Kind, after: &impl Serialize) {
        self.sink.send(Event::now(node, source, kind, Value::Null, value_of(after)));
    }

    pub(super) fn awaited(&self) -> &Awaited {
        &self.awaited
    }
}

fn name_of(node: Option<&str>, source: Source, kind: Kind) -> String {
    let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let (source, kind) = (text(value_of(&source)), text(value_of(&kind)));
    node.map_or_else(|| format!("{source} {kind}"), |node| format!("{source} {kind} of {node}"))
}

/// `null` for what JSON cannot say; no payload type is such.
fn value_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// One thing that is looked at again and again; only its changes become events.
#[derive(Debug)]
pub(super) struct Subject {
    lookout: Lookout,
    node: Option<String>,
    source: Source,
    kind: Kind,
    last: Option<Value>,
    awaited_as: Option<String>,
}

impl Subject {
    /// Tells what is seen at this moment: an event if it is the first look or differs from the last.
    pub(super) fn saw(&mut self, after: &impl Serialize) {
        let node = self.node.take();
        self.saw_by(node.as_deref(), after);
        self.node = node;
    }

    /// As [`Subject::saw`], where who says it may change from look to look.
    pub(super) fn saw_by(&mut self, node: Option<&str>, after: &impl Serialize) {
        let after = value_of(after);
        if self.last.as_ref() == Some(&after) {
            return;
        }
        let before = self.last.replace(after.clone()).unwrap_or_default();
        self.lookout.sink.send(Event::now(node, self.source, self.kind, before, after));
        if let Some(name) = self.awaited_as.take() {
            self.lookout.awaited.seen(&name);
        }
    }

    /// Forgets what was seen, and says whether there was anything: trouble is over, and the same again is worth an
    /// event.
    pub(super) fn forget(&mut self) -> bool {
        self.last.take().is_some()
    }
}

/// What has not been seen yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Awaited {
    shared: Arc<(Mutex<BTreeSet<String>>, Condvar)>,
}

impl Awaited {
    pub(super) fn expect(&self, name: &str) {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    pub(super) fn seen(&self, name: &str) {
        let (missing, changed) = &*self.shared;
        missing.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        changed.notify_all();
    }

    /// Waits until everything was seen; otherwise says what was not.
    pub(super) fn wait(&self, timeout: Duration) -> Result<(), Vec<String>> {
        let (missing, changed) = &*self.shared;
        let missing = missing.lock().unwrap_or_else(PoisonError::into_inner);
        let (missing, _) = changed
            .wait_timeout_while(missing, timeout, |missing| !missing.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        if missing.is_empty() { Ok(()) } else { Err(missing.iter().cloned().collect()) }
    }
}

/// Calls `look` every `period`, for ever. A look that takes longer delays the next, and none is made up for.
pub(super) async fn poll(period: Duration, mut look: impl AsyncFnMut()) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        look().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn only_changes_become_events_and_each_says_what_was_before() {
        let (sender, events) = mpsc::channel();
        let lookout = Lookout::new(EventSink::new(sender));
        let mut port = lookout.subject(Some("pg1"), Source::Postgres, Kind::Port);
        assert_eq!(
            lookout.awaited().wait(Duration::ZERO),
            Err(vec!["postgres port of pg1".to_owned()]),
            "nothing was seen yet"
        );
        for seen in ["a", "a", "b", "b", "a"] {
            port.saw(&seen);
        }
        assert_eq!(lookout.awaited().wait(Duration::ZERO), Ok(()));
        let changes: Vec<_> = events.try_iter().map(|event| (event.before, event.after)).collect();
        assert_eq!(changes, [(Value::Null, "a".into()), ("a".into(), "b".into()), ("b".into(), "a".into())]);
    }

    #[test]
    fn the_first_look_is_an_event_even_if_nothing_is_there() {
        let (sender, events) = mpsc::channel();
        let mut leader = Lookout::new(EventSink::new(sender)).subject(None, Source::Etcd, Kind::LeaderKey);
        leader.saw(&None::<String>);
        leader.saw(&None::<String>);
        assert_eq!(events.try_iter().count(), 1);
    }
}
