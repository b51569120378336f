//! The verdicts, for people or for programs.

use std::io::{self, Write};

use miette::{IntoDiagnostic, Report, WrapErr};
use schemars::JsonSchema;
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

/// The verdicts on all files.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Verdicts {
    /// The version of this format.
    schema: &'static str,
    /// How many files are good.
    good: usize,
    /// How many are not.
    bad: usize,
    /// Each file.
    files: Vec<Verdict>,
}

/// A file, and what was found of it.

#[derive(JsonSchema, Serialize)]
struct Verdict {
    /// Its name, as it was given or found.
    file: String,
    /// Whether it is good.
    ok: bool,
    #[serde(flatten)]
    good: Option<Good>,
    /// Every mistake; none in a good file.
    problems: Vec<Told>,
}

/// A problem as JSON tells it.
#[derive(JsonSchema, Serialize)]
struct Told {
    /// What is wrong, in a sentence.
    message: String,
    #[serde(flatten)]
    position: Option<Position>,
    /// What is there, in a few words.
    label: Option<String>,
    /// The way out.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::check::file::check, schema::tests::assert_fits};

    #[test]
    fn what_programs_get_fits_its_schema() {
        let mut output = Output::new(Format::Json, Vec::new(), Vec::new());
        let rule = "[[rule]]\nnode = 'pg1'\naction = 'drop'\n";
        let topology = "[[topology]]\nkind = 'isolate'\nnode = 'pg1'\naction = 'drop'\n";
        for text in [rule, topology, "[[rule]]\nnode = 7\n", "[["] {
            output.tell("x.toml", check("x.toml", text).map_err(LoadError::from));
        }
        assert_eq!((output.result.good, output.result.bad), (2, 2));
        assert_fits("check", &output.result);
    }
}
