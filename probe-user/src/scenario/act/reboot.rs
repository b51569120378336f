//! `reboot`: a machine of the lab loses its power, and has it back after a while.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    ActError, Action, Outcome, Scene,
    kind::{Kind, NodeField},
    server::started,
};
use crate::{
    cluster::Server,
    document::{Reported, Table},
    lab::{Host, Lab},
    scenario::{Expression, Scope, step::expression},
    schema::{self, Key, only_true},
};

/// How often the wait asks whether it should end.
const GLANCE: Duration = Duration::from_millis(50);

pub(super) const KIND: Kind =
    Kind { key: "reboot", example: "reboot = true", node: NodeField::Required, timeout: "60s", read, keys };

/// How long the machine is off, unless the step says so.
const AFTER: &str = "5s";

/// How long the machine is off.
#[derive(Debug)]
struct Reboot(Expression);

fn read(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    let wanted = table.required("reboot", "write reboot = true")?;
    let after = table.optional("after").map(expression).transpose();
    if !wanted.boolean()? {
        let help = "write true, or leave the step out";
        return Err(wanted.refuse("a step that does not reboot does nothing", "false", help));
    }
    Ok(Box::new(Reboot(after?.unwrap_or_else(|| Expression::built_in(AFTER)))))
}

fn keys() -> Vec<Key> {
    vec![
        Key::required("reboot", only_true("A machine of a lab loses its power, and has it back.")),
        Key::optional("after", schema::expression("How long it is off; 5s unless it says otherwise.")),
    ]
}

impl Action for Reboot {
    fn in_words(&self, place: &str) -> String {
        format!("reboot{place}, {} without power", self.0)
    }

    /// Everything on the machine dies at once, behind a link that is down. What is enabled there (Patroni, and
    /// etcd where it has a member) starts again with the power, which is back whatever happens.
    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let node = scene.node()?;
        let scope = Scope { timings: scene.inventory.timings, cut: None };
        let span = self.0.evaluate(&scope).map_err(|error| ActError::Impossible(error.to_string()))?;
        if span >= scene.timeout {
            let (off, bound) = (span.as_secs_f64(), scene.timeout.as_secs_f64());
            return Err(ActError::Impossible(format!(
                "{off} s without power are not over within {bound} s: write a longer `timeout`"
            )));
        }
        let instead = "reboot it with a step such as run = [\"ssh\", \"HOST\", \"reboot\"]";
        let (lab, host) = scene.lab("netsplit can cut the power", instead)?;
        let off = Off::new(lab, host);
        off.lab.power_off(host)?;
        let end = Instant::now() + span;
        while Instant::now() < end && !(scene.stop)() {
            thread::sleep(GLANCE);
        }
        off.end()?;
        let pid = started(Server::Patroni, node, scene.timeout, scene.stop)?;
        Ok(Outcome::said(format!("{} is on again, and Patroni (pid {pid}) is started", node.name)))
    }
}

/// A machine without power. Dropping it gives it back.
struct Off {
    lab: Lab,
    host: Host,
    over: bool,
}

impl Off {
    fn new(lab: Lab, host: Host) -> Self {
        Self { lab, host, over: false }
    }

    fn end(mut self) -> Result<(), ActError> {
        self.over = true;
        Ok(self.lab.power_on(self.host)?)
    }
}

impl Drop for Off {
    fn drop(&mut self) {
        if !self.over
            && let Err(error) = self.lab.power_on(self.host)
        {
            tracing::error!(host = %self.host, %error, "a machine of the lab cannot be started again");
        }
    }
}
