//! A lab of a test's own, and what is recorded of it.

use std::{
    ops::ControlFlow,
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    clock::BootInstant,
    cluster::within,
    lab::{Host, Lab, LabName, Options},
    record::{Event, Kind, Recorder},
};
use rustix::process::Signal;

/// A lab that goes with the test, however it ends.
pub(crate) struct OwnLab {
    lab: Option<Lab>,
}

impl OwnLab {
    pub(crate) fn up(name: &str) -> Self {
        Self::of(name, Options::PATRONI)
    }

    /// With this version of Patroni.
    pub(crate) fn of(name: &str, patroni: &str) -> Self {
        let name: LabName = name.parse().unwrap();
        // What an earlier test left that was killed.
        Lab::remove(&name).unwrap();
        let options = Options {
            name,
            timings: Options::FAST_TIMINGS,
            patroni: patroni.to_owned(),
            ..Options::default()
        };
        let lab = Lab::up(&options, &mut |_| ControlFlow::Continue(())).unwrap();
        Self { lab: Some(lab) }
    }

    pub(crate) fn lab(&self) -> &Lab {
        self.lab.as_ref().unwrap()
    }

    /// Runs a person's command on a machine, and gives what it printed.
    pub(crate) fn run(&self, host: Host, words: &[&str]) -> String {
        let arguments: Vec<_> = words[1..].iter().map(Into::into).collect();
        let mut command = self.lab().command(host, words[0].as_ref(), &arguments).unwrap();
        let output = within(&self.lab().layout().target(host), || command.output()).unwrap().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Sends a signal to Patroni on a node.
    pub(crate) fn signal_patroni(&self, node: &str, signal: Signal) {
        let host = Host::named(node).unwrap();
        let pid = self.lab().pids(host).patroni.unwrap();
        assert!(self.lab().signal(host, pid, signal).unwrap());
    }

    /// Kills PostgreSQL's first process, once it is there, as the kernel's out-of-memory killer would.
    pub(crate) fn kill_postmaster(&self, node: &str) -> BootInstant {
        let host = Host::named(node).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let pid = loop {
            if let Some(pid) = self.lab().pids(host).postmaster {
                break pid;
            }
            assert!(Instant::now() < deadline, "PostgreSQL does not run on {node}");
            thread::sleep(Duration::from_millis(50));
        };
        let now = BootInstant::now();
        assert!(self.lab().signal(host, pid, Signal::KILL).unwrap());
        now
    }
}

impl Drop for OwnLab {
    fn drop(&mut self) {
        if let Some(lab) = self.lab.take()
            && let Err(error) = lab.down()
            && !thread::panicking()
        {
            panic!("the lab stays behind: {error}");
        }
    }
}

/// What is recorded, with a patience.
pub(crate) struct Seen {
    pub(crate) recorder: Recorder,
}

impl Seen {
    /// The first event after `since` that is `wanted`.
    pub(crate) fn wait(&self, what: &str, since: BootInstant, wanted: impl Fn(&Event) -> bool) -> Event {
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            let events = self.recorder.events();
            let found = events.into_iter().find(|event| event.boot_ns > since && wanted(event));
            if let Some(event) = found {
                return event;
            }
            assert!(Instant::now() < deadline, "not seen: {what}\n{}", self.since(since));
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn since(&self, since: BootInstant) -> String {
        let line = |event: &Event| {
            let seconds = event.boot_ns.seconds_after(since);
            let node = event.node.as_deref().unwrap_or("-");
            format!("{seconds:7.3} {node} {:?} {} -> {}\n", event.kind, event.before, event.after)
        };
        let events = self.recorder.events();
        let events = events.iter().filter(|event| !matches!(event.kind, Kind::Write | Kind::Lsn | Kind::Log));
        events.filter(|event| event.boot_ns > since).map(line).collect()
    }
}
