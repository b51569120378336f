//! From a scenario file's text to a [`Scenario`].

use std::{ops::RangeInclusive, path::Path};

use super::{Deed, Deviation, Expectation, LabNeeds, Row, Scenario, Step, When};
use crate::document::{self, LoadError, Problem, Rejected, Reported, Table, Value, list_of, nearest};

/// How many members etcd may have.
pub(super) const MEMBERS: RangeInclusive<i64> = 1..=9;

/// How long each of Patroni's timings may be, in seconds.
pub(super) const SECONDS: RangeInclusive<i64> = 1..=86_400;

impl Scenario {
    /// Reads a scenario's file. Its id is the file's name without `.toml`.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let text = document::load(path)?;
        let id = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self::parse(&path.display().to_string(), &id, &text)?)
    }

    /// Reads a scenario. `name` is what messages call the text, usually its path. Nothing that the text names
    /// is opened.
    pub fn parse(name: &str, id: &str, text: &str) -> Result<Self, Rejected> {
        document::read(name, text, |file| scenario(id, text, file.named("a scenario")))
    }
}

fn scenario(id: &str, text: &str, file: Table<'_>) -> Result<Scenario, Reported> {
    let id = file.optional("id").map_or(Ok(id), |value| value.text());
    let title = file.required("title", "say in a line what is asked").and_then(|value| value.text());
    let description = file.optional("description").map(|value| value.text()).transpose();
    let document = file.optional("document").map(|value| value.text()).transpose();
    let lab = file.optional("lab").map_or(Ok(LabNeeds::default()), |value| lab(value.table("`[lab]`")?));
    let row = file.optional("row").map(|value| row(value.table("`[row]`")?)).transpose();
    let steps = steps(&file);
    // What steps are called is known only once all of them were read.
    let named: Option<Vec<&Step>> =
        steps.as_ref().ok().map(|steps| steps.iter().filter(|step| step.name.is_some()).collect());
    let expectations = expectations(&file, named.as_deref());
    let deviations = deviations(&file, expectations.as_deref().ok());
    file.finish();
    Ok(Scenario {
        id: id?.to_owned(),
        title: title?.to_owned(),
        description: description?.map(|text| text.trim().to_owned()),
        document: document?.map(|text| text.trim().to_owned()),
        row: row?,
        deviations: deviations?,
        lab: lab?,
        steps: steps?,
        expectations: expectations?,
        text: text.to_owned(),
    })
}

fn lab(table: Table<'_>) -> Result<LabNeeds, Reported> {
    let local = table.optional("local").map(|value| value.keyword(&When::LOCAL)).transpose();
    let patroni = table.optional("patroni").map(|value| value.text()).transpose();
    let etcd_members = table.optional("etcd_members").map(|value| value.integer(MEMBERS)).transpose();
    let seconds = |key| table.optional(key).map(|value| value.integer(SECONDS)).transpose();
    let (ttl, loop_wait, retry_timeout) = (seconds("ttl"), seconds("loop_wait"), seconds("retry_timeout"));
    table.finish();
    Ok(LabNeeds {
        local: local?,
        patroni: patroni?.map(str::to_owned),
        etcd_members: etcd_members?,
        ttl: ttl?,
        loop_wait: loop_wait?,
        retry_timeout: retry_timeout?,
    })
}

fn row(table: Table<'_>) -> Result<Row, Reported> {
    let text = |key, help| table.required(key, help).and_then(|value| value.text());
    let id = text("id", "the row's number in the procedure, as in id = \"1B\"");
    let tested = text("test", "what the procedure tests, in its words");
    let commands = text("commands", "what a person types, in the procedure's words");
    table.finish();
    let owned = |text: &str| text.trim().to_owned();
    Ok(Row { id: owned(id?), test: owned(tested?), commands: owned(commands?) })
}

/// `expectations` are those that a deviation may name; `None` where they could not be read.
fn deviations(file: &Table<'_>, expectations: Option<&[Expectation]>) -> Result<Vec<Deviation>, Reported> {
    let Some(value) = file.optional("deviation") else { return Ok(Vec::new()) };
    let tables = value.tables("a deviation")?;
    let read: Vec<_> = tables.into_iter().map(|table| deviation(table, expectations)).collect();
    read.into_iter().collect()
}

fn deviation(table: Table<'_>, expectations: Option<&[Expectation]>) -> Result<Deviation, Reported> {
    let when = When::read(&table);
    let claim = table.optional("claim").map(|value| value.text()).transpose();
    let instead = table
        .required("instead", "say what a real cluster does instead of what `document` claims")
        .and_then(|value| value.text());
    let because = table.required("because", "give the reason").and_then(|value| value.text());
    let shown_by = table.optional("shown_by").map_or(Ok(Vec::new()), |value| {
        let named = |value: &Value<'_>| expectation_named(value, expectations);
        value.list()?.iter().map(named).collect()
    });
    table.finish();
    let owned = |text: &str| text.trim().to_owned();
    Ok(Deviation {
        shown_by: shown_by?,
        when: when?,
        claim: claim?.map(owned),
        instead: owned(instead?),
        because: owned(because?),
    })
}

fn expectation_named(value: &Value<'_>, expectations: Option<&[Expectation]>) -> Result<String, Reported> {
    let name = value.text()?;
    let Some(expectations) = expectations else { return Ok(name.to_owned()) };
    let known = || expectations.iter().map(|expectation| expectation.name.as_str());
    if known().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let help = match nearest(name, known()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the expectations are {}", list_of(known(), "and")),
    };
    Err(value.refuse(format!("there is no expectation `{name}`"), "unknown", help))
}

fn steps(file: &Table<'_>) -> Result<Vec<Step>, Reported> {
    let value = file.required("step", "head each step with [[step]] on a line of its own")?;
    let tables = value.tables("a step")?;
    if tables.is_empty() {
        return Err(value.refuse("a scenario without steps", "does nothing", "write at least one [[step]]"));
    }
    // All steps are read before the first failure counts.
    let places: Vec<_> = tables.iter().map(|table| (table.span(), table.problems())).collect();
    let read: Vec<_> = tables.into_iter().map(Step::read).collect();
    let mut applied: Vec<(&str, &When)> = Vec::new();
    let mut named: Vec<(&str, &When)> = Vec::new();
    let mut reverted = false;
    for (step, (span, problems)) in read.iter().zip(places) {
        let Ok(step) = step else { continue };
        // Steps for different clusters never meet.
        let taken = |names: &[(&str, &When)], name: &str| {
            names.iter().any(|(other, when)| *other == name && when.overlaps(&step.when))
        };
        let wrong = match &step.deed {
            Deed::Apply(apply) if taken(&applied, &apply.name) => Some(
                Problem::new(format!("two cuts are called `{}`", apply.name))
                    .at(span, "the second")
                    .help("give one of them another name with `as`"),
            ),
            _ if step.name.as_ref().is_some_and(|name| taken(&named, name)) => Some(
                Problem::new(format!("two steps are called `{}`", step.name.as_deref().unwrap_or_default()))
                    .at(span, "the second")
                    .help("give one of them another name with `as`"),
            ),
            Deed::Revert(Some(name)) if !taken(&applied, name) => Some(
                Problem::new(format!("no step before this one applies `{name}`"))
                    .at(span, "nothing to revert")
                    .help("write revert = true for all cuts, or the `as` of an apply step"),
            ),
            Deed::Revert(None) if applied.is_empty() => Some(
                Problem::new("nothing was applied before this step")
                    .at(span, "nothing to revert")
                    .help("put the apply step before it"),
            ),
            _ if !reverted && step.bound().is_some_and(super::Expression::needs_cut) => Some(
                Problem::new("`cut` is how long the cut lasted, and no step before this one reverts it")
                    .at(span, "not known yet")
                    .help("use it after the revert, or name the span itself"),
            ),
            _ => None,
        };
        if let Some(wrong) = wrong {
            problems.report(wrong);
        }
        if let Some(name) = &step.name {
            named.push((name, &step.when));
        }
        match &step.deed {
            Deed::Apply(apply) => applied.push((&apply.name, &step.when)),
            Deed::Revert(_) => reverted |= !applied.is_empty(),
            _ => {}
        }
    }
    read.into_iter().collect()
}

/// `steps` are those with a name, where all could be read.
fn expectations(file: &Table<'_>, steps: Option<&[&Step]>) -> Result<Vec<Expectation>, Reported> {
    let value = file.required("expect", "head each expectation with [[expect]] on a line of its own")?;
    let tables = value.tables("an expectation")?;
    let read: Vec<_> = tables.into_iter().map(|table| Expectation::read(table, steps)).collect();
    let mut expectations = read.into_iter().collect::<Result<Vec<_>, _>>()?;
    // Names are stable keys in reports: the second of a name is `name-2`, unless no cluster has both.
    for index in 1..expectations.len() {
        let (earlier, rest) = expectations.split_at_mut(index);
        let when = rest[0].when.clone();
        let taken = |name: &str| earlier.iter().any(|other| other.name == name && when.overlaps(&other.when));
        let base = rest[0].name.clone();
        let mut count = 1;
        while taken(&rest[0].name) {
            count += 1;
            rest[0].name = format!("{base}-{count}");
        }
    }
    Ok(expectations)
}
