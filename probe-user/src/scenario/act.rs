//! What is done to the cluster itself, one arm an action.
//!
//! A new action is an arm here: how its table is recognised and read, what it is in words, how long it may
//! take, and how it is performed through the node's transport. One that is more than a few lines has a file.

mod switchover;

use std::{
    io::Read,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

pub use switchover::Switchover;

use super::{Expression, step::expression};
use crate::{
    cluster::{NamespaceError, Node, Target, within},
    document::{Reported, Table},
};

/// An action.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Run a command in a node's network namespace, and expect it to succeed.
    Run {
        /// A node's name or `@leader`; without one, where the observer is.
        node: Option<String>,
        /// The program and its arguments.
        command: Vec<String>,
        /// How long it may take.
        timeout: Expression,
    },
    /// Have Patroni change the leader as planned.
    Switchover(Switchover),
}

/// Where an action happens.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The place of [`Act::node`], or the observer's.
    pub place: &'a Target,
    /// Who leads now.
    pub leader: Option<&'a Node>,
}

/// Why an action failed.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The place could not be entered.
    #[error(transparent)]
    Place(#[from] NamespaceError),
    /// The program could not be started.
    #[error("`{command}` cannot be started")]
    Start {
        /// The command.
        command: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ended, and not well.
    #[error("`{command}` failed ({status}): {said}")]
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// Its last words on stderr.
        said: String,
    },
    /// There is nobody to hand over.
    #[error("nobody leads, so nobody can hand over; wait for it with until = \"healthy\"")]
    NoLeader,
    /// Patroni answered something else than the scenario says.
    #[error("Patroni answered {status}, and {expected} was expected: {said}")]
    OtherAnswer {
        /// The status.
        status: u16,
        /// The status that was expected.
        expected: u16,
        /// What it said.
        said: String,
    },
    /// Patroni did not answer.
    #[error("no answer from {url}")]
    Unanswered {
        /// Who was asked.
        url: String,
        /// What happened instead.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took too long, and was ended.
    #[error("`{command}` did not end within {seconds:.0} s, and was killed")]
    TimedOut {
        /// The command.
        command: String,
        /// The bound.
        seconds: f64,
    },
    /// Somebody asked the run to stop.
    #[error("`{command}` was killed: the run was interrupted")]
    Interrupted {
        /// The command.
        command: String,
    },
}

impl Act {
    pub(super) fn recognises(table: &Table<'_>) -> bool {
        table.has("run") || table.has(Switchover::FIELD)
    }

    pub(super) fn read(table: &Table<'_>) -> Result<Self, Reported> {
        if table.has(Switchover::FIELD) {
            return Switchover::read(table).map(Self::Switchover);
        }
        let node = table.optional("node").map(|value| value.text()).transpose();
        let timeout = timeout_of(table);
        let help = "name a program and its arguments, as in run = [\"patronictl\", \"list\"]";
        let run = table.required("run", help)?;
        let command: Result<Vec<_>, _> =
            run.list()?.iter().map(|word| word.text().map(str::to_owned)).collect();
        let command = command?;
        if command.is_empty() {
            return Err(run.refuse("there is nothing to run", "an empty list", help));
        }
        Ok(Self::Run { node: node?.map(str::to_owned), command, timeout: timeout? })
    }

    /// The action in words.
    pub fn in_words(&self) -> String {
        match self {
            Self::Run { node, command, .. } => {
                let place = node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
                format!("run {}{place}", command.join(" "))
            }
            Self::Switchover(switchover) => switchover.in_words(),
        }
    }

    /// How long it may take.
    pub fn timeout(&self) -> &Expression {
        match self {
            Self::Run { timeout, .. } => timeout,
            Self::Switchover(switchover) => &switchover.timeout,
        }
    }

    /// The node that it is done at: a name or `@leader`; without one, it is done where the observer is.
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::Run { node, .. } => node.as_deref(),
            Self::Switchover(_) => None,
        }
    }

    /// Does it. Returns when it is done; ends it early when `stop` says so.
    pub fn perform(
        &self,
        scene: &Scene<'_>,
        timeout: Duration,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), ActError> {
        match self {
            Self::Run { command, .. } => within(scene.place, || run(command, timeout, stop))?,
            Self::Switchover(switchover) => switchover.perform(scene, timeout, stop),
        }
    }
}

/// The field `timeout`: 30 seconds unless it is there.
fn timeout_of(table: &Table<'_>) -> Result<Expression, Reported> {
    let default = || Expression::parse("30s").unwrap_or_else(|_| unreachable!("30s is a time span"));
    table.optional("timeout").map_or_else(|| Ok(default()), expression)
}

fn run(command: &[String], timeout: Duration, stop: &dyn Fn() -> bool) -> Result<(), ActError> {
    let words = command.join(" ");
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| ActError::Start { command: words.clone(), source })?;
    // Read aside, so that a talkative child never waits for us; its descendants may keep the pipe open, so
    // nobody waits for the reader either.
    let (sender, said) = std::sync::mpsc::channel();
    if let Some(stderr) = child.stderr.take() {
        thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.take(64 * 1024).read_to_end(&mut text);
            let _ = sender.send(String::from_utf8_lossy(&text).into_owned());
        });
    }
    let deadline = Instant::now() + timeout;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                let said = said.recv_timeout(Duration::from_millis(200)).unwrap_or_default();
                let said = said.trim().lines().last().unwrap_or("it said nothing").to_owned();
                return Err(ActError::Failed { command: words, status, said });
            }
            Ok(None) => {}
            Err(source) => return Err(ActError::Start { command: words, source }),
        }
        if stop() {
            end(&mut child);
            return Err(ActError::Interrupted { command: words });
        }
        if Instant::now() >= deadline {
            end(&mut child);
            return Err(ActError::TimedOut { command: words, seconds: timeout.as_secs_f64() });
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself meanwhile; either way it is reaped.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(words: &[&str], timeout: Duration, stop: bool) -> Result<(), ActError> {
        let command: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        run(&command, timeout, &|| stop)
    }

    #[test]
    fn an_action_is_judged_by_its_exit_code() {
        let long = Duration::from_secs(20);
        assert!(act(&["true"], long, false).is_ok());
        let error = act(&["sh", "-c", "echo no such leader >&2; exit 3"], long, false).expect_err("exit 3");
        assert!(error.to_string().contains("exit status: 3"), "{error}");
        assert!(error.to_string().ends_with("no such leader"), "{error}");
        assert!(matches!(act(&["/nowhere/x"], long, false), Err(ActError::Start { .. })));
    }

    #[test]
    fn an_action_ends_in_time_or_when_asked() {
        let short = Duration::from_millis(50);
        assert!(matches!(act(&["sleep", "60"], short, false), Err(ActError::TimedOut { .. })));
        let long = Duration::from_secs(20);
        assert!(matches!(act(&["sleep", "60"], long, true), Err(ActError::Interrupted { .. })));
    }
}
