//! A program that an action runs to its end.

use std::{
    io::Read,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use super::{ActError, Scene};
use crate::cluster::within;

/// How much of what a program says is kept of each of its streams, in bytes.
const KEPT: u64 = 64 * 1024;

/// A program, its arguments and its environment.
pub(super) struct Program {
    /// The command.
    pub(super) command: Command,
    /// What messages call it.
    pub(super) words: String,
}

/// How a program ended, and what it said.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit code, or the signal that ended it.
    pub(super) status: ExitStatus,
    /// What it wrote to stdout.
    pub(super) stdout: String,
    /// What it wrote to stderr.
    pub(super) stderr: String,
}

impl Program {
    /// Runs it at the scene's place, and expects it to succeed.
    pub(super) fn succeed(self, scene: &Scene<'_>) -> Result<(), ActError> {
        let command = self.words.clone();
        let ended = self.run(scene)?;
        if ended.status.success() {
            return Ok(());
        }
        let said = ended.stderr.trim().lines().last().unwrap_or("it said nothing").to_owned();
        Err(ActError::Failed { command, status: ended.status, said })
    }

    /// Runs it at the scene's place, however it ends.
    pub(super) fn run(self, scene: &Scene<'_>) -> Result<Ended, ActError> {
        let (timeout, stop) = (scene.timeout, scene.stop);
        within(scene.place(), || self.wait(timeout, stop))?
    }

    fn wait(self, timeout: Duration, stop: &dyn Fn() -> bool) -> Result<Ended, ActError> {
        let Self { mut command, words } = self;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| ActError::Start { command: words.clone(), source })?;
        let (stdout, stderr) = (child.stdout.take().map(heard), child.stderr.take().map(heard));
        let deadline = Instant::now() + timeout;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(Ended { status, stdout: said(stdout), stderr: said(stderr) }),
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
}

/// A stream, read aside so that a talkative child never waits for us; its descendants may keep the pipe open, so
/// nobody waits for the reader either.
fn heard(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stream.take(KEPT).read_to_end(&mut text);
        let _ = sender.send(String::from_utf8_lossy(&text).into_owned());
    });
    receiver
}

fn said(stream: Option<Receiver<String>>) -> String {
    stream.and_then(|stream| stream.recv_timeout(Duration::from_millis(200)).ok()).unwrap_or_default()
}

fn end(child: &mut Child) {
    // It may have ended by itself meanwhile; either way it is reaped.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str], timeout: Duration, stop: bool) -> Result<Ended, ActError> {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        Program { command, words: words.join(" ") }.wait(timeout, &|| stop)
    }

    #[test]
    fn a_program_is_heard_wait() {
        let long = Duration::from_secs(20);
        assert!(run(&["true"], long, false).expect("it starts").status.success());
        let ended = run(&["sh", "-c", "echo out; echo no such leader >&2; exit 3"], long, false);
        let ended = ended.expect("it starts");
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("out\n", "no such leader\n"));
        assert!(matches!(run(&["/nowhere/x"], long, false), Err(ActError::Start { .. })));
    }

    #[test]
    fn a_program_ends_in_time_or_when_asked() {
        let short = Duration::from_millis(50);
        assert!(matches!(run(&["sleep", "60"], short, false), Err(ActError::TimedOut { .. })));
        let long = Duration::from_secs(20);
        assert!(matches!(run(&["sleep", "60"], long, true), Err(ActError::Interrupted)));
    }
}
