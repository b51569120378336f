//! A cut: applied, watched, and always taken away again.

mod guard;
mod lifecycle;
mod status;

pub use guard::Guard;
pub use lifecycle::{Cut, CutError, CutId, DEFAULT_LEASE, Request, apply, revert, revert_all};
pub use status::{CutStatus, HookStatus, RuleStatus, status};
