//! `pause` and `resume`: SIGSTOP and SIGCONT to a server with its children.

use super::{
    ActError, Action, Outcome, Scene,
    kind::{Kind, NodeField},
    server,
    undo::Undo,
};
use crate::{
    cluster::{Process, Server},
    document::{Reported, Table},
};

pub(super) const PAUSE: Kind = Kind {
    key: "pause",
    example: "pause = \"postgres\"",
    node: NodeField::OfServer,
    timeout: "10s",
    read: read_pause,
    keys: || vec![server::key("pause", "The server that stands still, with its children (SIGSTOP).")],
};

pub(super) const RESUME: Kind = Kind {
    key: "resume",
    example: "resume = \"postgres\"",
    node: NodeField::OfServer,
    timeout: "10s",
    read: read_resume,
    keys: || vec![server::key("resume", "The server that goes on (SIGCONT).")],
};

#[derive(Debug)]
struct Pause(Server);

#[derive(Debug)]
struct Resume(Server);

fn read_pause(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    Ok(Box::new(Pause(server::read(table, "pause")?)))
}

fn read_resume(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    Ok(Box::new(Resume(server::read(table, "resume")?)))
}

impl Action for Pause {
    fn in_words(&self, place: &str) -> String {
        format!("pause {}{place}", self.0)
    }

    /// What is paused goes on at the end of the run at the latest.
    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let node = server::home(self.0, scene, "paused")?;
        let process = Process::of(self.0, node)?;
        let what = format!("{} on {} (pid {})", self.0, node.name, process.pid());
        let paused = process.pause()?;
        let said = format!("{what} is {}", stopped(paused.count()));
        scene.until_end(Undo::new(move || Ok((paused.resume() > 0).then(|| format!("{what} goes on")))));
        Ok(Outcome::said(said))
    }
}

impl Action for Resume {
    fn in_words(&self, place: &str) -> String {
        format!("resume {}{place}", self.0)
    }

    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let node = server::home(self.0, scene, "resumed")?;
        let process = Process::of(self.0, node)?;
        process.resume()?;
        Ok(Outcome::said(format!("{} on {} (pid {}) goes on", self.0, node.name, process.pid())))
    }
}

fn stopped(processes: usize) -> String {
    if processes == 1 { "stopped".to_owned() } else { format!("stopped, {processes} processes in all") }
}
