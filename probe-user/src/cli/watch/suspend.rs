//! Ctrl-Z and `fg`: while the program is stopped, the terminal is the shell's.

use std::io;

use nix::{
    sys::{
        signal::{SigSet, Signal, kill},
        signalfd::{SfdFlags, SignalFd},
    },
    unistd::Pid,
};

/// What another process asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To stop.
    Stop,
    /// To go on, after a stop that nobody could prepare for, such as SIGSTOP's.
    GoOn,
}

/// Holds SIGTSTP back, so that the terminal can be given back before it stops the program.
pub(super) struct Suspend {
    signals: SignalFd,
}

impl Suspend {
    /// From now on, for this thread and for those that it starts; so before it starts any.
    pub(super) fn catch() -> io::Result<Self> {
        let mut held = SigSet::from(Signal::SIGTSTP);
        held.add(Signal::SIGCONT);
        held.thread_block()?;
        let signals = SignalFd::with_flags(&held, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        Ok(Self { signals })
    }

    /// The next of those that have come.
    pub(super) fn asked(&self) -> io::Result<Option<Asked>> {
        let signal = self.signals.read_signal()?;
        Ok(signal.map(|signal| match i32::try_from(signal.ssi_signo).map(Signal::try_from) {
            Ok(Ok(Signal::SIGTSTP)) => Asked::Stop,
            _ => Asked::GoOn,
        }))
    }

    /// Stops the program until it is told to go on. Where no shell could tell it so, the kernel does not stop it
    /// ("orphaned process group" in `setpgid(2)`).
    pub(super) fn stop() -> io::Result<()> {
        let stop = SigSet::from(Signal::SIGTSTP);
        stop.thread_unblock()?;
        let stopped = kill(Pid::this(), Signal::SIGTSTP);
        stop.thread_block()?;
        Ok(stopped?)
    }
}
