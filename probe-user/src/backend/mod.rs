//! What can enforce a plan, and how.
//!
//! `choice` decides which hook enforces a rule, `compile` turns rules into the tables that the kernel reads:
//! both are pure. `datapath` loads the programs into a namespace, attaches them, and swaps their tables.

mod ask;
mod capabilities;
mod choice;
mod compile;
pub mod datapath;
mod interface;
mod traffic;

pub(crate) use ask::Question;
pub use ask::Segment;
pub use capabilities::{Capabilities, Refusal};
pub use choice::{Attachment, Choice, Enforcement, choose};
pub(crate) use compile::action as abi_action;
pub use compile::{CompileError, RankedRule, Tables, compile};
pub use interface::{Interface, InterfaceError, XdpMode, XdpState, bring_up, interfaces};
pub use traffic::{Example, Traffic};
