//! What a scenario does, one file a kind of step.
//!
//! A new kind of step is a file here with its fields and how they are read, an arm of [`Deed`], and an arm in
//! the runner. Something done *to the cluster* (stop, kill, switchover, …) is smaller: a file beside
//! [`Act`](super::Act), which the runner knows already.

mod apply;
mod read;
mod schema;
mod until;

pub use apply::{ApplyStep, CutSource};
pub(super) use read::expression;
pub use until::{Condition, UntilStep};

use super::{Act, Expression, When};

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What expectations call it that count from it: its `as`, or the name of the cut that it applies.
    pub name: Option<String>,
    /// On which clusters it is done; on others it is left out.
    pub when: When,
    /// What is done.
    pub deed: Deed,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Put a cut in force.
    Apply(ApplyStep),
    /// Let time pass.
    Wait(Expression),
    /// Wait until something is true of the cluster.
    Until(UntilStep),
    /// Take cuts away: the one of that name, or all.
    Revert(Option<String>),
    /// Do something to the cluster.
    Act(Act),
}

impl Step {
    /// The step in words, as it stands in the record.
    pub fn in_words(&self) -> String {
        match &self.deed {
            Deed::Apply(step) => format!("apply {}", step.name),
            Deed::Wait(span) => format!("wait {span}"),
            Deed::Until(step) => format!("until {}, within {}", step.condition, step.within),
            Deed::Revert(None) => "revert".to_owned(),
            Deed::Revert(Some(name)) => format!("revert {name}"),
            Deed::Act(act) => act.in_words(),
        }
    }

    /// The longest that the step may take, where it has a bound.
    pub fn bound(&self) -> Option<&Expression> {
        match &self.deed {
            Deed::Wait(span) => Some(span),
            Deed::Until(step) => Some(&step.within),
            Deed::Act(act) => Some(act.timeout()),
            Deed::Apply(_) | Deed::Revert(_) => None,
        }
    }
}
