//! `stop`: PostgreSQL by `pg_ctl stop -m fast`, others by SIGTERM; either is waited for.

use std::{os::unix::process::CommandExt, process::Command};

use rustix::process::Signal;

use super::{
    ActError, Action, Outcome, Scene,
    kind::{Kind, NodeField},
    program::Program,
    server,
};
use crate::{
    cluster::{Node, Process, ProcessError, Server},
    document::{Reported, Table},
};

pub(super) const KIND: Kind = Kind {
    key: "stop",
    example: "stop = \"patroni\"",
    node: NodeField::OfServer,
    timeout: "60s",
    read,
    keys: || vec![server::key("stop", "The server that is shut down in good order.")],
};

#[derive(Debug)]
struct Stop(Server);

fn read(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    Ok(Box::new(Stop(server::read(table, "stop")?)))
}

impl Action for Stop {
    fn in_words(&self, place: &str) -> String {
        format!("stop {}{place}", self.0)
    }

    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let node = server::home(self.0, scene, "stopped")?;
        let process = Process::of(self.0, node)?;
        server::runs_again(self.0, scene, node);
        let what = format!("{} on {} (pid {})", self.0, node.name, process.pid());
        match self.0 {
            Server::Postgres => pg_ctl_stop(scene, node, &process)?,
            Server::Patroni | Server::Etcd | Server::Haproxy => process.signal(Signal::TERM)?,
        }
        scene.wait_for_end(&process, &what)?;
        Ok(Outcome::said(format!("{what} has ended")))
    }
}

/// `pg_ctl` of the server's own version, as the server's own user. It does not wait: Patroni may have started the
/// next server before it looks.
fn pg_ctl_stop(scene: &Scene<'_>, node: &Node, process: &Process) -> Result<(), ActError> {
    let folder =
        node.data_dir.as_ref().ok_or_else(|| ProcessError::NoDataDirectory { node: node.name.clone() })?;
    let (program, user, group) = process.identity()?;
    let mut command = Command::new(program.with_file_name("pg_ctl"));
    command.args(["stop", "-m", "fast", "-W", "-D"]).arg(folder).current_dir("/").uid(user).gid(group);
    Program { command, words: "pg_ctl stop -m fast".to_owned() }.succeed(scene)
}
