//! `kill`: a signal to a server's first process.

use rustix::process::Signal;

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
    key: "kill",
    example: "kill = \"postgres\"",
    node: NodeField::OfServer,
    timeout: "10s",
    read,
    keys,
};

const SIGNALS: [(&str, Signal); 6] = [
    ("TERM", Signal::TERM),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("HUP", Signal::HUP),
    ("ABRT", Signal::ABORT),
    ("KILL", Signal::KILL),
];

#[derive(Debug)]
struct Kill {
    server: Server,
    signal: (&'static str, Signal),
}

fn read(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    let server = server::read(table, "kill");
    let words = SIGNALS.map(|(word, signal)| (word, (word, signal)));
    let signal = table.optional("signal").map(|value| value.keyword(&words)).transpose();
    Ok(Box::new(Kill { server: server?, signal: signal?.unwrap_or(("TERM", Signal::TERM)) }))
}

fn keys() -> Vec<Key> {
    let signal = one_of("The signal that is sent; `TERM` unless it says otherwise.", &SIGNALS);
    vec![
        server::key("kill", "The server whose first process gets a signal."),
        Key::optional("signal", signal),
    ]
}

impl Action for Kill {
    fn in_words(&self, place: &str) -> String {
        format!("kill {}{place} with SIG{}", self.server, self.signal.0)
    }

    /// Whoever is killed is dead when it returns; other signals are sent, and what follows is the cluster's affair.
    /// What stays dead of it is started again at the end of the run.
    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let (node, (name, signal)) = (server::home(self.server, scene, "killed")?, self.signal);
        let process = Process::of(self.server, node)?;
        // SIGHUP asks to read the configuration again.
        if signal != Signal::HUP {
            server::runs_again(self.server, scene, node);
        }
        process.signal(signal)?;
        let what = format!("{} on {} (pid {})", self.server, node.name, process.pid());
        if signal == Signal::KILL {
            scene.wait_for_end(&process, &what)?;
            return Ok(Outcome::said(format!("{what} is dead")));
        }
        Ok(Outcome::said(format!("SIG{name} was sent to {what}")))
    }
}
