//! `start`: a server of the lab, on its machine.

use super::{
    ActError, Action, Outcome, Scene,
    kind::{Kind, NodeField},
    server,
};
use crate::{
    cluster::{Process, Server},
    document::{Reported, Table},
    schema::{Key, one_of},
};

pub(super) const KIND: Kind = Kind {
    key: "start",
    example: "start = \"patroni\"",
    node: NodeField::OfServer,
    timeout: "30s",
    read,
    keys,
};

const SERVERS: [(&str, Server); 3] =
    [("patroni", Server::Patroni), ("etcd", Server::Etcd), ("haproxy", Server::Haproxy)];

#[derive(Debug)]
struct Start(Server);

fn read(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    let value = table.required("start", "name what: start = \"patroni\", \"etcd\" or \"haproxy\"")?;
    if value.as_text() == Some("postgres") {
        return Err(value.refuse(
            "PostgreSQL is started by Patroni",
            "not by a scenario",
            "leave the step out, or write start = \"patroni\" if Patroni was stopped",
        ));
    }
    Ok(Box::new(Start(value.keyword(&SERVERS)?)))
}

fn keys() -> Vec<Key> {
    vec![Key::required("start", one_of("The server of a lab that is started.", &SERVERS))]
}

impl Action for Start {
    fn in_words(&self, place: &str) -> String {
        format!("start {}{place}", self.0)
    }

    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let node = server::home(self.0, scene, "started")?;
        let what = format!("netsplit can start {}", self.0);
        let instead = "start it with a step such as run = [\"systemctl\", \"start\", \"patroni\"]";
        let (lab, host) = scene.lab(&what, instead)?;
        if let Ok(process) = Process::of(self.0, node) {
            let (server, pid) = (self.0, process.pid());
            return Err(ActError::Impossible(format!("{server} runs on {} already (pid {pid})", node.name)));
        }
        server::start(self.0, &lab, host)?;
        let pid = server::started(self.0, node, scene.timeout, scene.stop)?;
        Ok(Outcome::said(format!("{} on {} (pid {pid}) is started", self.0, node.name)))
    }
}
