//! What a time counts from.

use std::fmt;

use super::Evidence;
use crate::{
    clock::BootInstant,
    document::{Reported, Value, list_of, nearest},
    record::{Kind, StepMark},
    scenario::{Deed, Step},
};

/// What a window counts from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The run's zero: the first packet hit, or the first action.
    #[default]
    Hit,
    /// The last revert.
    Revert,
    /// The step of that name.
    Step {
        /// Its `as`.
        name: String,
        /// Its end, for steps that wait; else its beginning.
        end: bool,
    },
}

/// The steps of a scenario that have a name; `None` where not all steps could be read.
pub(in crate::scenario) type Named<'a> = Option<&'a [&'a Step]>;

impl Origin {
    /// What no step can be called.
    pub(in crate::scenario) const RESERVED: [&'static str; 3] = ["hit", "revert", "end"];

    pub(super) fn read(value: &Value<'_>, steps: Named<'_>) -> Result<Self, Reported> {
        let text = value.text()?;
        match text {
            "hit" => return Ok(Self::Hit),
            "revert" => return Ok(Self::Revert),
            _ => {}
        }
        let found = steps.unwrap_or_default().iter().find(|step| step.name.as_deref() == Some(text));
        if let (Some(steps), None) = (steps, found) {
            let names = steps.iter().filter_map(|step| step.name.as_deref());
            let names: Vec<&str> = ["hit", "revert"].into_iter().chain(names).collect();
            let help = match nearest(text, names.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("write {}; a step gets a name by `as`", list_of(names, "or")),
            };
            let message = format!("`{}` cannot be `{text}`", value.key());
            return Err(value.refuse(message, "no step is called so", help));
        }
        let end = found.is_some_and(|step| matches!(step.deed, Deed::Wait(_) | Deed::Until(_)));
        Ok(Self::Step { name: text.to_owned(), end })
    }

    /// When that was; else why it never was.
    pub(super) fn moment(&self, evidence: &Evidence<'_>) -> Result<BootInstant, String> {
        match self {
            Self::Hit => evidence.zero.map(|zero| zero.at).ok_or_else(|| "nothing was recorded".to_owned()),
            Self::Revert => evidence.revert.ok_or_else(|| "no cut was reverted".to_owned()),
            Self::Step { name, end } => {
                let phase = if *end { "end" } else { "begin" };
                let marks = evidence.events.iter().filter(|event| event.kind == Kind::Step);
                let mut marks =
                    marks.filter_map(|event| Some((event.boot_ns, event.after_as::<StepMark>()?)));
                let found = marks.find(|(_, mark)| mark.phase == phase && mark.name.as_ref() == Some(name));
                found.map(|(at, _)| at).ok_or_else(|| format!("the step `{name}` was not taken"))
            }
        }
    }
}

/// With a space before it; nothing for the run's zero. Such as ` the revert`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hit => Ok(()),
            Self::Revert => f.write_str(" the revert"),
            Self::Step { name, .. } => write!(f, " `{name}`"),
        }
    }
}
