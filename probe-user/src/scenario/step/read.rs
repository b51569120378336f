//! From a `[[step]]` table to a step.

use super::{ApplyStep, Step, UntilStep};
use crate::{
    document::{Problem, Reported, Span, Table, Value},
    scenario::{Act, Expression},
};

/// What a step can be, for help texts: the field that names it and an example.
const KINDS: &str = "a step has one of: apply = \"FILE\" (or [[step.rule]]), wait = \"10s\", \
                     until = \"new-leader\", revert = true, run = [\"COMMAND\", …], switchover = \"NODE\"";

impl Step {
    pub(in crate::scenario) fn read(table: Table<'_>) -> Result<Self, Reported> {
        let present = [
            ApplyStep::recognises(&table),
            table.has("wait"),
            table.has("until"),
            table.has("revert"),
            Act::recognises(&table),
        ];
        if present.iter().filter(|present| **present).count() != 1 {
            let what =
                if present.contains(&true) { "a step does one thing" } else { "a step must do something" };
            let label =
                if present.contains(&true) { "this one has several" } else { "this one has nothing to do" };
            return Err(table.problems().report(Problem::new(what).at(table.span(), label).help(KINDS)));
        }
        let step = match present {
            [true, ..] => ApplyStep::read(&table).map(Self::Apply),
            [_, true, ..] => table.required("wait", KINDS).and_then(expression).map(Self::Wait),
            [_, _, true, ..] => UntilStep::read(&table).map(Self::Until),
            [_, _, _, true, _] => table.required("revert", KINDS).and_then(|value| revert(&value)),
            _ => Act::read(&table).map(Self::Act),
        };
        table.finish();
        step
    }
}

fn revert(value: &Value<'_>) -> Result<Step, Reported> {
    if let Some(name) = value.as_text() {
        return Ok(Step::Revert((name != "all").then(|| name.to_owned())));
    }
    if value.boolean()? {
        return Ok(Step::Revert(None));
    }
    Err(value.refuse(
        "a step that does not revert does nothing",
        "false",
        "write true, or leave the step out",
    ))
}

/// A time span in terms of the cluster's timings.
pub(in crate::scenario) fn expression(value: Value<'_>) -> Result<Expression, Reported> {
    let text = value.text()?;
    Expression::parse(text).map_err(|error| {
        // The value's place has its quotes; only a text without escapes can be pointed into.
        let inside = value.span().len() == text.len() + 2;
        let span = if inside {
            Span::new((value.span().offset() + 1 + error.offset).into(), error.length)
        } else {
            value.span()
        };
        let message = format!("`{}` is not a time span", value.key());
        value.problems().report(Problem::new(message).at(span, error.what).help(error.help))
    })
}
