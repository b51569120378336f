//! Changes as lines, where nobody looks at a screen.

use std::{collections::VecDeque, io, time::Duration};

use jiff::Timestamp;
use miette::{IntoDiagnostic, WrapErr};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Format,
    feed::{Feed, now},
};
use crate::{
    cli::{ExitCode, interrupt::Interrupt, output::say},
    record::Transition,
    report::line,
    screen::{Look, Now, Seen},
};

/// How long a signal, or what has come in, may wait.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// How long the first look may take until it is told.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// How many lines wait for a reader who does not read.
const WAITING: usize = 10_000;

/// A change as JSON.
#[derive(JsonSchema, Serialize)]
pub(in crate::cli) struct Told<'a> {
    /// `netsplit/change/1`.
    schema: &'static str,
    /// When it happened (RFC 3339).
    wall: Timestamp,
    #[serde(flatten)]
    transition: &'a Transition,
    /// The same in words.
    text: String,
}

/// Prints changes until the reader goes away or a signal comes.
pub(super) fn print(
    mut feed: Feed,
    look: Look,
    format: Format,
    interrupt: &Interrupt,
) -> miette::Result<ExitCode> {
    let mut outlet = Outlet::default();
    let mut begun = false;
    loop {
        if interrupt.came() {
            return Ok(ExitCode::Interrupted);
        }
        let now = now();
        for transition in feed.take_in(&now) {
            outlet.put(match format {
                Format::Table => text(&transition, look, &now),
                Format::Json => json(&transition, &now)?,
            });
        }
        if !begun && (feed.seen.complete() || feed.seen.age(now.boot) > FIRST_LOOK) {
            begun = true;
            say(&look.words(&beginning(&feed.seen)));
        }
        let flowing = outlet.flow().into_diagnostic().wrap_err("changes cannot be printed");
        if flowing? == Flow::Closed {
            return Ok(ExitCode::Success);
        }
    }
}

/// What there is when the watch begins: no change tells of it.
fn beginning(seen: &Seen) -> String {
    let leader = match &seen.view().leader {
        Some(Some(holder)) => format!("{holder} leads"),
        Some(None) => "nobody leads".to_owned(),
        None => "who leads is unknown".to_owned(),
    };
    let lacks = seen.lacks();
    let state = if lacks.is_empty() { "healthy".to_owned() } else { lacks.join("; ") };
    format!("watching {}: {leader}; {state}", seen.watched().nodes.join(", "))
}

fn text(transition: &Transition, look: Look, now: &Now) -> String {
    let line = line(transition);
    let time = now.wall_of(transition.at).timestamp().strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
    let sign = look.tone_sign(line.tone);
    look.words(&format!("{time} {sign} {:8} {}", line.subject, line.text)).into_owned() + "\n"
}

fn json(transition: &Transition, now: &Now) -> miette::Result<String> {
    let told = Told {
        schema: "netsplit/change/1",
        wall: now.wall_of(transition.at).timestamp(),
        transition,
        text: line(transition).text,
    };
    Ok(serde_json::to_string(&told).into_diagnostic()? + "\n")
}

/// Whether somebody still reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Open,
    Closed,
}

/// Lines on their way to stdout. A reader who does not read holds up nobody: the oldest lines give way.
#[derive(Debug, Default)]
struct Outlet {
    waiting: VecDeque<String>,
    /// How much of the first one is written.
    written: usize,
}

impl Outlet {
    fn put(&mut self, line: String) {
        if self.waiting.len() == WAITING {
            // Never the first: a part of it may be out.
            self.waiting.remove(1);
            tracing::warn!("nobody reads the changes, and the oldest were dropped");
        }
        self.waiting.push_back(line);
    }

    /// Waits a moment, or until something can be written, and writes it.
    fn flow(&mut self) -> io::Result<Flow> {
        let stdout = io::stdout();
        // A pipe whose reader is gone says so unasked.
        let wanted = if self.waiting.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        let mut fds = [PollFd::new(&stdout, wanted)];
        match poll(&mut fds, Some(&TICK)) {
            Err(Errno::INTR) => return Ok(Flow::Open),
            polled => polled?,
        };
        let state = fds[0].revents();
        if state.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) {
            return Ok(Flow::Closed);
        }
        if !state.contains(PollFlags::OUT) {
            return Ok(Flow::Open);
        }
        let Some(first) = self.waiting.front() else { return Ok(Flow::Open) };
        match rustix::io::write(&stdout, &first.as_bytes()[self.written..]) {
            Ok(count) => self.written += count,
            Err(Errno::PIPE) => return Ok(Flow::Closed),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        if self.written == first.len() {
            self.waiting.pop_front();
            self.written = 0;
        }
        Ok(Flow::Open)
    }
}
