//! Who is cut from whom: the policy file, its meaning, and the plan it becomes.

mod model;
mod plan;

pub use model::{Action, Direction, Flows, NodeSelector, Peer, Policy, PortRange, Protocol, Rule};
pub use plan::{NodePlan, Plan, PlannedRule};
