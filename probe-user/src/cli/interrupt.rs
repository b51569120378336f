//! Ctrl-C and SIGTERM as a question that can be asked.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tokio::signal::unix::{SignalKind, signal};

/// Remembers that the process was asked to end, from its making on.
#[derive(Clone, Debug)]
pub(super) struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    /// Catches SIGINT, SIGTERM and SIGHUP for the rest of the process's life.
    pub(super) fn catch() -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let heard = Arc::clone(&asked);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let entered = runtime.enter();
        let mut signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
            .map(signal)
            .into_iter()
            .collect::<io::Result<Vec<_>>>()?;
        drop(entered);
        thread::spawn(move || {
            runtime.block_on(async {
                let waits = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
                futures_util::future::select_all(waits).await;
                heard.store(true, Ordering::Relaxed);
            });
        });
        Ok(Self { asked })
    }

    /// Whether a signal has come.
    pub(super) fn came(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}
