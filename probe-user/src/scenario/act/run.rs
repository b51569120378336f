//! `run`: a program of this machine, in a node's network namespace.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{
    ActError, Action, Outcome, Scene,
    kind::{Kind, NodeField},
};
use crate::{
    cluster::within,
    document::{Reported, Table},
};

pub(super) const KIND: Kind =
    Kind { key: "run", example: "run = [\"COMMAND\", …]", node: NodeField::Optional, timeout: "30s", read };

/// A program and its arguments.
#[derive(Debug)]
struct Run(Vec<String>);

fn read(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    let help = "name a program and its arguments, as in run = [\"patronictl\", \"list\"]";
    let run = table.required("run", help)?;
    let command: Result<Vec<_>, _> = run.list()?.iter().map(|word| word.text().map(str::to_owned)).collect();
    let command = command?;
    if command.is_empty() {
        return Err(run.refuse("there is nothing to run", "an empty list", help));
    }
    Ok(Box::new(Run(command)))
}

impl Action for Run {
    fn in_words(&self, place: &str) -> String {
        format!("run {}{place}", self.0.join(" "))
    }

    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let mut command = Command::new(&self.0[0]);
        command.args(&self.0[1..]);
        let words = self.0.join(" ");
        call(Called { command, words: words.clone() }, scene)?;
        Ok(Outcome::said(format!("`{words}` succeeded")))
    }
}

/// A command that is run to its end.
pub(super) struct Called {
    /// The command.
    pub(super) command: Command,
    /// What messages call it.
    pub(super) words: String,
}

/// Runs a command at the scene's place, and expects it to succeed.
pub(super) fn call(called: Called, scene: &Scene<'_>) -> Result<(), ActError> {
    let (timeout, stop) = (scene.timeout, scene.stop);
    within(scene.place(), || to_its_end(called, timeout, stop))?
}

fn to_its_end(called: Called, timeout: Duration, stop: &dyn Fn() -> bool) -> Result<(), ActError> {
    let Called { mut command, words } = called;
    let mut child = command
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
            return Err(ActError::Interrupted);
        }
        if Instant::now() >= deadline {
            end(&mut child);
            let what = format!("`{words}` was killed: it did not end");
            return Err(ActError::TimedOut { what, seconds: timeout.as_secs_f64() });
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
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        to_its_end(Called { command, words: words.join(" ") }, timeout, &|| stop)
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
        assert!(matches!(act(&["sleep", "60"], long, true), Err(ActError::Interrupted)));
    }
}
