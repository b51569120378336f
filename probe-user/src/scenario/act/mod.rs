//! What is done to the cluster itself, one file an action.
//!
//! A new action is a file here with its [`Kind`] and its [`Action`], and its line in [`kind::KINDS`]. What it
//! needs of a node's processes is in [`crate::cluster`]; the runner needs to know nothing of it.

mod error;
mod kill;
mod kind;
mod model;
mod node;
mod patroni;
mod pause;
mod program;
mod reboot;
mod run;
mod scene;
mod server;
mod start;
mod stop;
#[cfg(test)]
mod tests;
mod undo;

pub use error::ActError;
pub(super) use kind::examples;
pub use model::{Act, Action, Outcome};
pub use node::ActNode;
pub use scene::Scene;
pub use undo::{Undo, Undone, UntilEnd};
