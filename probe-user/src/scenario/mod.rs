//! Scenarios: steps, expectations, and the runner that goes through them.

mod act;
mod expectation;
mod expression;
mod lexer;
mod model;
mod read;
mod runner;
mod step;
#[cfg(test)]
mod tests;

pub use act::{Act, ActError, ActNode, Action, Outcome, Scene, Undo, Undone, UntilEnd};
pub use expectation::{Check, Evidence, Expectation, Finding, Judgement, NodeRef, Origin, Verdict, Window};
pub use expression::{Expression, ExpressionError, NotYetKnown, Scope};
pub use model::{Deviation, LabNeeds, Row, Scenario, When};
pub use runner::{Failure, Kernel, Notice, Prepared, Progress, RunError, Watching, World, run};
pub use step::{ApplyStep, Condition, CutSource, Step, UntilStep};
