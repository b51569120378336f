//! Where observers put their events.

use std::sync::mpsc::Sender;

use super::Event;

/// A handle that any thread can send events through.
#[derive(Clone, Debug)]
pub struct EventSink {
    sender: Sender<Event>,
}

impl EventSink {
    /// A sink that feeds `sender`.
    pub fn new(sender: Sender<Event>) -> Self {
        Self { sender }
    }

    /// Sends one event. After the recorder has gone there is nobody to tell, and it is dropped.
    pub fn send(&self, event: Event) {
        let _ = self.sender.send(event);
    }
}
