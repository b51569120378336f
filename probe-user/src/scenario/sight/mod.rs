//! What can be seen of a node at one moment, the same for expectations and for `until`.
//!
//! A new sight is an arm of [`Aspect`], its word in `read`, and what it looks for in a
//! [`View`](crate::record::View) in `look`. Entries of a log are no state: they have a file of their own.

mod listed;
pub(super) mod log;
mod look;
mod model;
mod read;
mod schema;

pub use listed::Listed;
pub use log::Logged;
pub use model::{Aspect, Meets, ProcessState, Rest, Sight};
pub(super) use read::{Word, words};
