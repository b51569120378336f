//! What can enforce a plan, and how.
//!
//! `enforcer` is the seam: whoever applies, reverts or looks knows what is behind it by its traits alone. Behind it,
//! `datapath` loads eBPF programs into a namespace, attaches them, and swaps their tables; `nft` keeps a table of
//! netfilter. `choice` decides which one, and which hook; `compile` turns rules into the tables that programs read:
//! both are pure.

mod ask;
mod capabilities;
mod choice;
mod compile;
pub mod datapath;
mod enforcer;
mod holds_on;
mod interface;
pub mod kernels;
mod lock;
pub(crate) mod netlink;
mod nft;
mod traffic;

pub(crate) use ask::Question;
pub use ask::{Met, Segment};
pub use capabilities::{Backend, Capabilities, Refusal};
pub use choice::{Attachment, Choice, Enforcement, choose};
pub(crate) use compile::action as abi_action;
pub use compile::{CompileError, RankedRule, Tables, compile};
pub(crate) use enforcer::remove_sites;
pub use enforcer::{CounterSum, ENFORCERS, Enforcer, Means, Meter, Prepared, Reading, Site, Stamp, Turn};
pub(crate) use holds_on::holds_on;
pub(crate) use interface::link;
pub use interface::{Interface, InterfaceError, XdpMode, XdpState, bring_up, interfaces};
pub use lock::Busy;
pub use nft::{Nft, NftError};
pub use traffic::{Example, Traffic};
