//! What is done to the cluster itself, one file an action.
//!
//! A new action is a file here with its [`Kind`] and its [`Action`], and its line in [`kind::KINDS`]. What it
//! needs of a node's processes is in [`crate::cluster`]; the runner needs to know nothing of it.

mod error;
mod kill;
mod kind;
mod model;
mod node;
mod pause;
mod reboot;
mod run;
mod scene;
mod start;
mod stop;
mod switchover;
#[cfg(test)]
mod tests;

pub use error::ActError;
pub(super) use kind::examples;
pub use model::{Act, Action, Outcome};
pub use node::ActNode;
pub use scene::Scene;
