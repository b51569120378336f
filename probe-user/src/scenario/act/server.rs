//! The servers that actions are done to, where each lives, and how one of the lab's is started again.

use std::{
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{
    ActError, ActNode, Scene,
    undo::{Undo, Undone},
};
use crate::{
    causes::in_a_line,
    cluster::{Node, Process, ProcessError, Server},
    document::{Reported, Table},
    lab::{Host, Lab, LabError},
    schema::{Key, one_of},
};

/// How long the end of a run waits for a server to end, and for one to begin.
const PATIENCE: Duration = Duration::from_secs(20);

const WORDS: [(&str, Server); 4] = [
    ("postgres", Server::Postgres),
    ("patroni", Server::Patroni),
    ("etcd", Server::Etcd),
    ("haproxy", Server::Haproxy),
];

/// The server that a step's field names.
pub(super) fn read(table: &Table<'_>, key: &'static str) -> Result<Server, Reported> {
    let help = format!("name what: {key} = \"postgres\", \"patroni\", \"etcd\" or \"haproxy\"");
    table.required(key, &help)?.keyword(&WORDS)
}

/// The field of [`read`].
pub(super) fn key(key: &'static str, description: &str) -> Key {
    Key::required(key, one_of(description, &WORDS))
}

/// Who has a machine for itself in a lab with one etcd.
pub(super) const OWN_MACHINE: [&str; 2] = ["etcd", "haproxy"];

/// The machine of a lab that a server has for itself: its step needs no `node`.
pub(super) fn own_machine(table: &Table<'_>, key: &'static str) -> Option<ActNode> {
    let host = match table.optional(key)?.as_text()? {
        "etcd" => Host::Dcs,
        "haproxy" => Host::Ha,
        _ => return None,
    };
    Some(ActNode::Name(host.name().to_owned()))
}

/// Where the step's server runs. `what` is what is done, such as `killed`.
pub(super) fn home<'a>(server: Server, scene: &Scene<'a>, what: &str) -> Result<&'a Node, ActError> {
    if matches!(server, Server::Postgres | Server::Patroni) {
        return scene.node();
    }
    let node = scene.named()?;
    let hosts = hosts(server, scene);
    if hosts.is_empty() {
        return Err(ActError::Impossible(format!(
            "{server} can be {what} on a lab's machines only: write a step such as run = [\"ssh\", \"HOST\", \
             \"systemctl\", …]"
        )));
    }
    if hosts.iter().any(|host| host.name() == node.name) {
        return Ok(node);
    }
    let names: Vec<_> = hosts.iter().map(|host| host.name()).collect();
    Err(ActError::Impossible(format!(
        "{server} does not run on {} in this lab: write node = \"{}\"",
        node.name,
        names.join("\", \"")
    )))
}

/// The lab's machines that have such a server; none where the cluster is no lab.
fn hosts(server: Server, scene: &Scene<'_>) -> &'static [Host] {
    match (server, &scene.inventory.lab) {
        (_, None) => &[],
        (Server::Haproxy, _) => &[Host::Ha],
        (Server::Etcd, Some(lab)) if lab.etcd_members == 1 => &[Host::Dcs],
        _ => &Host::POSTGRES,
    }
}

/// Starts a server of the lab; PostgreSQL is Patroni's to start.
pub(super) fn start(server: Server, lab: &Lab, host: Host) -> Result<(), LabError> {
    match server {
        Server::Postgres | Server::Patroni => lab.start_patroni(host),
        Server::Etcd => lab.start_etcd(host),
        Server::Haproxy => lab.start_haproxy(),
    }
}

/// Waits until the server is there, once the programs that lead to it have become it; its process id.
pub(super) fn started(
    server: Server,
    node: &Node,
    timeout: Duration,
    stop: &dyn Fn() -> bool,
) -> Result<u32, ActError> {
    let deadline = Instant::now() + timeout;
    loop {
        match Process::of(server, node) {
            Ok(process) => return Ok(process.pid()),
            Err(ProcessError::NotRunning { .. }) if Instant::now() < deadline => {}
            Err(error) => return Err(error.into()),
        }
        if stop() {
            return Err(ActError::Interrupted);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// To be called before a server is ended: at the end of the run it is started again, unless it runs then.
/// PostgreSQL needs nobody but Patroni.
pub(super) fn runs_again(server: Server, scene: &Scene<'_>, node: &Node) {
    if server == Server::Postgres {
        return;
    }
    let lab = scene.lab_of(node).ok().flatten();
    let (node, before) = (node.clone(), Process::of(server, node).ok());
    scene.until_end(Undo::new(move || start_again(server, &node, lab.as_ref(), before.as_ref())));
}

fn start_again(server: Server, node: &Node, lab: Option<&(Lab, Host)>, before: Option<&Process>) -> Undone {
    if let Some(process) = before {
        // What is paused dies of nothing but SIGKILL.
        process.signal(Signal::CONT).map_err(|error| in_a_line(&error))?;
        if !process.ended_within(PATIENCE, &|| false) {
            return Err(format!("{server} on {} was told to end, and runs on", node.name));
        }
    }
    match Process::of(server, node) {
        Ok(_) => return Ok(None),
        Err(ProcessError::NotRunning { .. }) => {}
        Err(error) => return Err(in_a_line(&error)),
    }
    let Some((lab, host)) = lab else {
        return Err(format!(
            "{server} on {} was stopped, and only a lab's can be started again: start it yourself",
            node.name
        ));
    };
    start(server, lab, *host).map_err(|error| in_a_line(&error))?;
    let pid = started(server, node, PATIENCE, &|| false).map_err(|error| in_a_line(&error))?;
    Ok(Some(format!("{server} on {} (pid {pid}) is started again", node.name)))
}
