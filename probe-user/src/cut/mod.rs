//! A cut: applied, watched, and always taken away again.

mod apply;
mod edge;
mod error;
mod guard;
mod id;
mod privilege;
mod protect;
mod random;
mod revert;
mod session;
mod sockets;
mod ssh;
mod status;

pub use apply::{Cut, DEFAULT_LEASE, Request, Scheme, apply, plan_enforcement};
pub(crate) use edge::known_edges;
pub use edge::remember;
pub use error::CutError;
pub use guard::Guard;
pub use id::CutId;
pub use privilege::missing_capabilities;
pub use revert::{revert, revert_all, revert_targets};
pub use sockets::SocketError;
pub use status::{CutStatus, HookStatus, RuleStatus, parts_of, status};
