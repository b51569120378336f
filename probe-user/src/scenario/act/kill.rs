//! `kill`: a signal to PostgreSQL's first process, or to Patroni.

use rustix::process::Signal;

use super::{
    ActError, Action, Outcome, Scene,
    kind::{Kind, NodeField},
};
use crate::{
    cluster::{Process, Server},
    document::{Reported, Table, Value},
};

pub(super) const KIND: Kind =
    Kind { key: "kill", example: "kill = \"postgres\"", node: NodeField::Required, timeout: "10s", read };

#[derive(Debug)]
struct Kill {
    server: Server,
    signal: (&'static str, Signal),
}

fn read(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    let signals = ["TERM", "INT", "QUIT", "HUP", "ABRT", "KILL"];
    let numbers = [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP, Signal::ABORT, Signal::KILL];
    let words: Vec<_> = signals.into_iter().zip(signals.into_iter().zip(numbers)).collect();
    let server = table
        .required("kill", "name what: kill = \"postgres\" or kill = \"patroni\"")
        .and_then(|value| server(&value));
    let signal = table.optional("signal").map(|value| value.keyword(&words)).transpose();
    Ok(Box::new(Kill { server: server?, signal: signal?.unwrap_or(("TERM", Signal::TERM)) }))
}

/// The server that a field names.
pub(super) fn server(value: &Value<'_>) -> Result<Server, Reported> {
    value.keyword(&[("postgres", Server::Postgres), ("patroni", Server::Patroni)])
}

impl Action for Kill {
    fn in_words(&self, place: &str) -> String {
        format!("kill {}{place} with SIG{}", self.server, self.signal.0)
    }

    /// Whoever is killed is dead when it returns; other signals are sent, and what follows is the cluster's affair.
    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let (node, (name, signal)) = (scene.node()?, self.signal);
        let process = Process::of(self.server, node)?;
        process.signal(signal)?;
        let what = format!("{} on {} (pid {})", self.server, node.name, process.pid());
        if signal == Signal::KILL {
            scene.wait_for_end(&process, &what)?;
            return Ok(Outcome::said(format!("{what} is dead")));
        }
        Ok(Outcome::said(format!("SIG{name} was sent to {what}")))
    }
}
