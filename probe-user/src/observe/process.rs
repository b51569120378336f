//! The first process of a server on a node: whether it runs, and whether it is still the same.
//!
//! It is looked for once and then held, so that a look is a question to the kernel about one process; all processes
//! are gone through only while none is held.

use std::time::Duration;

use super::subject::{Lookout, Subject, poll};
use crate::{
    causes::in_a_line,
    cluster::{Node, Process, ProcessError, Server},
    record::{Kind, ServerProcess, Source},
};

const PERIOD: Duration = Duration::from_millis(500);

/// Watches one server on one node.
pub(super) struct Processes {
    node: Node,
    server: Server,
    held: Option<Process>,
    state: Subject,
    trouble: Subject,
}

impl Processes {
    /// What the inventory lets be looked for on the node.
    pub(super) fn all(lookout: &Lookout, node: &Node) -> Vec<Self> {
        let servers = [(Server::Patroni, Source::Patroni), (Server::Postgres, Source::Postgres)];
        let known = |(server, _): &(Server, Source)| *server == Server::Patroni || node.data_dir.is_some();
        let watched = |(server, source)| Self {
            node: node.clone(),
            server,
            held: None,
            state: lookout.subject(Some(&node.name), source, Kind::Process),
            trouble: lookout.trouble(Some(&node.name), source),
        };
        servers.into_iter().filter(known).map(watched).collect()
    }

    pub(super) async fn run(mut self) {
        poll(PERIOD, async || self.look()).await;
    }

    fn look(&mut self) {
        // A process that has ended is let go even while its parent has not taken note of it.
        self.held.take_if(|process| process.ended_within(Duration::ZERO, &|| true));
        if self.held.is_none() {
            match Process::of(self.server, &self.node) {
                Ok(process) => self.held = Some(process),
                Err(ProcessError::NotRunning { .. } | ProcessError::NoNamespace { .. }) => {}
                // Nobody knows which it is: what was seen last stands.
                Err(error) => return self.trouble.saw(&in_a_line(&error)),
            }
        }
        self.state.saw(&ServerProcess { server: self.server, pid: self.held.as_ref().map(Process::pid) });
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::Signal;

    use super::*;
    use crate::{cluster::fakes::Postmaster, record::Recorder};

    #[test]
    fn a_process_is_seen_to_run_to_end_and_to_be_another() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(&folder.path().join("run")).unwrap();
        let lookout = Lookout::new(recorder.sink());
        let (first, second) = (Postmaster::start(), Postmaster::start());
        let mut processes = Processes::all(&lookout, &first.node());
        let mut postgres = processes.pop().expect("PostgreSQL is the last");
        postgres.look();
        postgres.look();
        Process::of(Server::Postgres, &first.node()).unwrap().signal(Signal::KILL).unwrap();
        first.wait_for_state('Z');
        postgres.look();
        postgres.node = second.node();
        postgres.look();
        drop((postgres, processes, lookout));
        let seen =
            recorder.finish().unwrap().into_iter().filter_map(|event| event.after_as::<ServerProcess>());
        let pids: Vec<_> = seen.map(|process| process.pid).collect();
        assert_eq!(pids, [Some(first.pid()), None, Some(second.pid())]);
    }
}
