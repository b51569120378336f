//! Who is cut from whom: the policy file, its meaning, and the plan it becomes.

mod delay;
mod model;
pub mod narrow;
mod parse;
mod plan;
mod print;
mod resolve;
mod roles;
mod show;
mod span;
mod topology;
mod words;

pub use delay::Delay;
pub use model::{Action, Direction, Flows, NodeSelector, Peer, Policy, PortRange, Protocol, Rule};
pub use narrow::Narrowing;
#[cfg(test)]
pub(crate) use parse::generated;
pub use parse::{RuleArgs, parse, part, reject_part};
pub(crate) use parse::{read_parts, schema};
pub use plan::{NodePlan, Plan, PlannedRule};
pub use resolve::{Place, ResolveError, resolve};
pub use roles::Roles;
pub(crate) use show::PrintedPlan;
pub use topology::{Member, Shape, ShapeKind, Topology, Unheard};
