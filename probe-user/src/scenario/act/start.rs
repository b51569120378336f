//! `start`: Patroni, on a machine of the lab.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    ActError, Action, Outcome, Scene,
    kind::{Kind, NodeField},
};
use crate::{
    cluster::{Node, Process, ProcessError, Server},
    document::{Reported, Table},
};

pub(super) const KIND: Kind =
    Kind { key: "start", example: "start = \"patroni\"", node: NodeField::Required, timeout: "30s", read };

#[derive(Debug)]
struct StartPatroni;

fn read(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    let value = table.required("start", "name what: start = \"patroni\"")?;
    if value.as_text() == Some("postgres") {
        return Err(value.refuse(
            "PostgreSQL is started by Patroni",
            "not by a scenario",
            "leave the step out, or write start = \"patroni\" if Patroni was stopped",
        ));
    }
    value.keyword(&[("patroni", ())])?;
    Ok(Box::new(StartPatroni))
}

impl Action for StartPatroni {
    fn in_words(&self, place: &str) -> String {
        format!("start Patroni{place}")
    }

    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let node = scene.node()?;
        let instead = "start it with a step such as run = [\"systemctl\", \"start\", \"patroni\"]";
        let (lab, host) = scene.lab("netsplit can start Patroni", instead)?;
        if let Ok(process) = Process::of(Server::Patroni, node) {
            let pid = process.pid();
            return Err(ActError::Impossible(format!("Patroni runs on {} already (pid {pid})", node.name)));
        }
        lab.start_patroni(host)?;
        let pid = started(scene, node)?;
        Ok(Outcome::said(format!("Patroni on {} (pid {pid}) is started", node.name)))
    }
}

/// Waits until Patroni is there, once the programs that lead to it have become it; its process id.
pub(super) fn started(scene: &Scene<'_>, node: &Node) -> Result<u32, ActError> {
    let deadline = Instant::now() + scene.timeout;
    loop {
        match Process::of(Server::Patroni, node) {
            Ok(process) => return Ok(process.pid()),
            Err(ProcessError::NotRunning { .. }) if Instant::now() < deadline => {}
            Err(error) => return Err(error.into()),
        }
        if (scene.stop)() {
            return Err(ActError::Interrupted);
        }
        thread::sleep(Duration::from_millis(20));
    }
}
