//! `run`: a program of this machine, in a node's network namespace.

use std::process::Command;

use super::{
    ActError, Action, Outcome, Scene,
    kind::{Kind, NodeField},
    program::Program,
};
use crate::{
    document::{Reported, Table},
    schema::{Key, some_of, text},
};

pub(super) const KIND: Kind = Kind {
    key: "run",
    example: "run = [\"COMMAND\", …]",
    node: NodeField::Optional,
    timeout: "30s",
    read,
    keys,
};

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

fn keys() -> Vec<Key> {
    let words = some_of("A program of this machine and its arguments.", &text("A word."));
    vec![Key::required("run", words)]
}

impl Action for Run {
    fn in_words(&self, place: &str) -> String {
        format!("run {}{place}", self.0.join(" "))
    }

    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let mut command = Command::new(&self.0[0]);
        command.args(&self.0[1..]);
        let words = self.0.join(" ");
        Program { command, words: words.clone() }.succeed(scene)?;
        Ok(Outcome::said(format!("`{words}` succeeded")))
    }
}
