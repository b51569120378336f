//! Scenarios: steps, expectations, and the runner that goes through them.

mod act;
mod expectation;
mod expression;
mod lexer;
mod model;
mod read;
mod runner;
pub(crate) mod schema;
mod sight;
mod step;
#[cfg(test)]
mod tests;
mod when;

pub use act::{Act, ActError, ActNode, Action, Outcome, Scene, Undo, Undone, UntilEnd};
pub use expectation::{
    Benign, Check, End, Evidence, Expectation, Finding, Judgement, NodeRef, Origin, Stretch, Time, Verdict,
    Window,
};
pub use expression::{Expression, ExpressionError, NotYetKnown, Scope};
pub use model::{Deviation, LabNeeds, Row, Scenario};
pub use runner::{Failure, Kernel, Notice, Prepared, Progress, RunError, Watching, World, run};
pub use sight::{Aspect, Listed, Logged, Meets, ProcessState, Rest, Sight};
pub use step::{ApplyStep, Condition, CutSource, Deed, Step, UntilStep};
pub use when::When;
