//! The verdicts, for people or for programs.

use std::io::{self, Write};

use miette::{IntoDiagnostic, Report, WrapErr};
use serde::Serialize;

use super::{super::ExitCode, file::Good};
use crate::document::{LoadError, Position};

/// The version of the JSON form.
const SCHEMA: &str = "netsplit/check/1";

/// How the result is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A line for each good file, an explanation for each bad one
    Text,
    /// One versioned object
    Json,
}

/// Tells each verdict as it comes, or all of them at the end.
pub(super) struct Output<O, E> {
    format: Format,
    stdout: O,
    stderr: E,
    result: Verdicts,
    written: io::Result<()>,
}

#[derive(Serialize)]
struct Verdicts {
    schema: &'static str,
    good: usize,
    bad: usize,
    files: Vec<Verdict>,
}

#[derive(Serialize)]
struct Verdict {
    file: String,
    ok: bool,
    #[serde(flatten)]
    good: Option<Good>,
    problems: Vec<Told>,
}

/// A problem as JSON tells it.
#[derive(Serialize)]
struct Told {
    message: String,
    #[serde(flatten)]
    position: Option<Position>,
    label: Option<String>,
    help: Option<String>,
}

impl<O: Write, E: Write> Output<O, E> {
    pub(super) fn new(format: Format, stdout: O, stderr: E) -> Self {
        let result = Verdicts { schema: SCHEMA, good: 0, bad: 0, files: Vec::new() };
        Self { format, stdout, stderr, result, written: Ok(()) }
    }

    /// Tells the verdict on one file.
    pub(super) fn tell(&mut self, file: &str, verdict: Result<Good, LoadError>) {
        let file = file.to_owned();
        let verdict = match verdict {
            Ok(good) => {
                self.result.good += 1;
                if self.format == Format::Text && self.written.is_ok() {
                    self.written = writeln!(self.stdout, "ok  {file}  {good}");
                }
                Verdict { file, ok: true, good: Some(good), problems: Vec::new() }
            }
            Err(error) => {
                self.result.bad += 1;
                let problems = told(&error);
                if self.format == Format::Text {
                    self.talk(&format!("{:?}", Report::new(error)));
                }
                Verdict { file, ok: false, good: None, problems }
            }
        };
        self.result.files.push(verdict);
    }

    /// Sums up. A reader who went away early is no failure.
    pub(super) fn finish(mut self) -> miette::Result<ExitCode> {
        if self.format == Format::Json {
            let json = serde_json::to_string_pretty(&self.result).into_diagnostic()?;
            self.written = writeln!(self.stdout, "{json}");
        }
        let (good, bad) = (self.result.good, self.result.bad);
        self.talk(&format!("{good} good, {bad} bad"));
        match self.written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).into_diagnostic().wrap_err("the result cannot be written to stdout")
            }
            _ if bad == 0 => Ok(ExitCode::Success),
            _ => Ok(ExitCode::Usage),
        }
    }

    /// There is nobody to tell that stderr is gone.
    fn talk(&mut self, text: &str) {
        let _ = writeln!(self.stderr, "{text}");
    }
}

fn told(error: &LoadError) -> Vec<Told> {
    match error {
        LoadError::Unreadable { source, .. } => {
            vec![Told { message: format!("{error}: {source}"), position: None, label: None, help: None }]
        }
        LoadError::Rejected(rejected) => rejected
            .problems()
            .iter()
            .map(|problem| Told {
                message: problem.message().to_owned(),
                position: rejected.position(problem),
                label: problem.label().map(str::to_owned),
                help: problem.way_out().map(str::to_owned),
            })
            .collect(),
    }
}
