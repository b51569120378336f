//! From a `[[step]]` table to a step.

use super::{ApplyStep, Deed, Step, UntilStep};
use crate::{
    document::{Problem, Reported, Span, Table, Value},
    scenario::{Act, Expression, When, act, expectation::Origin},
};

/// What a step can be, for help texts: the field that names it and an example.
fn kinds() -> String {
    let acts = act::examples();
    format!(
        "a step has one of: apply = \"FILE\" (or [[step.rule]]), wait = \"10s\", until = \"new-leader\", revert = true, \
         {acts}"
    )
}

impl Step {
    pub(in crate::scenario) fn read(table: Table<'_>) -> Result<Self, Reported> {
        let present =
            [ApplyStep::recognises(&table), table.has("wait"), table.has("until"), table.has("revert")];
        let count = present.iter().filter(|present| **present).count() + Act::count_in(&table);
        if count != 1 {
            let (what, label) = if count > 1 {
                ("a step does one thing", "this one has several")
            } else {
                ("a step must do something", "this one has nothing to do")
            };
            return Err(table.problems().report(Problem::new(what).at(table.span(), label).help(kinds())));
        }
        let deed = match present {
            [true, ..] => ApplyStep::read(&table).map(Deed::Apply),
            [_, true, ..] => table.required("wait", "").and_then(expression).map(Deed::Wait),
            [_, _, true, _] => UntilStep::read(&table).map(Deed::Until),
            [_, _, _, true] => table.required("revert", "").and_then(|value| revert(&value)),
            _ => Act::read(&table).map(Deed::Act),
        };
        let name = table.optional("as").map(|value| name(&value)).transpose();
        let when = When::read(&table);
        table.finish();
        let deed = deed?;
        let cut = match &deed {
            Deed::Apply(apply) => Some(apply.name.clone()),
            _ => None,
        };
        Ok(Self { name: name?.or(cut), when: when?, deed })
    }
}

/// What a step is called by the expectations that count from it.
fn name(value: &Value<'_>) -> Result<String, Reported> {
    let name = value.text()?;
    if Origin::RESERVED.contains(&name) {
        return Err(value.refuse(
            format!("a step cannot be called `{name}`"),
            "expectations mean something else by it",
            "give it another name",
        ));
    }
    Ok(name.to_owned())
}

fn revert(value: &Value<'_>) -> Result<Deed, Reported> {
    if let Some(name) = value.as_text() {
        return Ok(Deed::Revert((name != "all").then(|| name.to_owned())));
    }
    if value.boolean()? {
        return Ok(Deed::Revert(None));
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
