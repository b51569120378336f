//! `pause` and `resume`: SIGSTOP and SIGCONT to PostgreSQL with its children, or to Patroni.

use super::{
    ActError, Action, Outcome, Scene,
    kill::server,
    kind::{Kind, NodeField},
};
use crate::{
    cluster::{Process, Server},
    document::{Reported, Table},
};

pub(super) const PAUSE: Kind = Kind {
    key: "pause",
    example: "pause = \"postgres\"",
    node: NodeField::Required,
    timeout: "10s",
    read: read_pause,
};

pub(super) const RESUME: Kind = Kind {
    key: "resume",
    example: "resume = \"postgres\"",
    node: NodeField::Required,
    timeout: "10s",
    read: read_resume,
};

#[derive(Debug)]
struct Pause(Server);

#[derive(Debug)]
struct Resume(Server);

fn read_pause(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    let help = "name what: pause = \"postgres\" or pause = \"patroni\"";
    Ok(Box::new(Pause(server(&table.required("pause", help)?)?)))
}

fn read_resume(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    let help = "name what: resume = \"postgres\" or resume = \"patroni\"";
    Ok(Box::new(Resume(server(&table.required("resume", help)?)?)))
}

impl Action for Pause {
    fn in_words(&self, place: &str) -> String {
        format!("pause {}{place}", self.0)
    }

    /// What is paused goes on at the end of the run at the latest.
    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let node = scene.node()?;
        let process = Process::of(self.0, node)?;
        let pid = process.pid();
        let paused = process.pause()?;
        let said = format!("{} on {} (pid {pid}) is {}", self.0, node.name, stopped(paused.count()));
        Ok(Outcome { until_end: Some(Box::new(paused)), ..Outcome::said(said) })
    }
}

impl Action for Resume {
    fn in_words(&self, place: &str) -> String {
        format!("resume {}{place}", self.0)
    }

    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let node = scene.node()?;
        let process = Process::of(self.0, node)?;
        process.resume()?;
        Ok(Outcome::said(format!("{} on {} (pid {}) goes on", self.0, node.name, process.pid())))
    }
}

fn stopped(processes: usize) -> String {
    if processes == 1 { "stopped".to_owned() } else { format!("stopped, {processes} processes in all") }
}
