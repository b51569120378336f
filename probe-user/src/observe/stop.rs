//! How a watch tells its observers to end.

use std::time::Duration;

use tokio::sync::watch;

/// Hands out [`Stop`]s and asks them all to stop.
#[derive(Debug)]
pub(super) struct Stopper {
    asked: watch::Sender<Option<Duration>>,
}

/// One observer's end of it.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    asked: watch::Receiver<Option<Duration>>,
}

impl Stopper {
    pub(super) fn new() -> Self {
        Self { asked: watch::Sender::new(None) }
    }

    pub(super) fn handle(&self) -> Stop {
        Stop { asked: self.asked.subscribe() }
    }

    /// Asks to stop, and to take at most `last_check` for what is left to check then.
    pub(super) fn stop(&self, last_check: Duration) {
        self.asked.send_replace(Some(last_check));
    }
}

impl Stop {
    /// Waits until the stop is asked for.
    pub(super) async fn asked(&mut self) {
        // An error means that nobody is left who could ask: that is a stop as well.
        let _ = self.asked.wait_for(Option::is_some).await;
    }

    /// How long the last check may take; nothing where the watch was dropped.
    pub(super) fn last_check(&self) -> Duration {
        self.asked.borrow().unwrap_or_default()
    }
}
