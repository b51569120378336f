//! What a scenario does, one file a kind of step.
//!
//! A new kind of step is a file here with its fields and how they are read, an arm of [`Step`], and an arm in
//! the runner. Something done *to the cluster* (stop, kill, switchover, …) is smaller: a file beside
//! [`Act`](super::Act), which the runner knows already.

mod apply;
mod read;
mod until;

pub use apply::{ApplyStep, CutSource};
pub(super) use read::expression;
pub use until::{Condition, UntilStep};

use super::{Act, Expression};

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
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
        match self {
            Self::Apply(step) => format!("apply {}", step.name),
            Self::Wait(span) => format!("wait {span}"),
            Self::Until(step) => format!("until {}, within {}", step.condition, step.within),
            Self::Revert(None) => "revert".to_owned(),
            Self::Revert(Some(name)) => format!("revert {name}"),
            Self::Act(act) => act.in_words(),
        }
    }

    /// The longest that the step may take, where it has a bound.
    pub fn bound(&self) -> Option<&Expression> {
        match self {
            Self::Wait(span) => Some(span),
            Self::Until(step) => Some(&step.within),
            Self::Act(act) => Some(act.timeout()),
            Self::Apply(_) | Self::Revert(_) => None,
        }
    }
}
